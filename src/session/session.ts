import type { Principal } from "../auth/principal.ts";
import { type UserQueue, userQueue } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { QueueClient } from "../broker/queue-client.ts";
import { toWire, type Wire } from "../broker/wire.ts";
import { AppError, type ErrorCode, toAppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Decoder } from "../stomp/decoder.ts";
import { encodeFrame } from "../stomp/encoder.ts";
import type { Frame } from "../stomp/frame.ts";
import type { StompVersion } from "../stomp/version.ts";
import { FIRST_WIRE, strangersDecoder, strangersPending } from "./before-connect.ts";
import { ClientFrames } from "./client-frames.ts";
import { closeCodeFor } from "./close-codes.ts";
import { DeferredReceipts } from "./deferred-receipts.ts";
import { allBefore, END_OF_STREAM, outlivesConnection } from "./disconnect.ts";
import type { SessionEnvironment } from "./environment.ts";
import { errorEvent, errorHeaders, mayGoUntold } from "./error-reports.ts";
import { type FrameHandling, FrameSequence } from "./frame-sequence.ts";
import { isConnect } from "./headers.ts";
import type { HeartbeatSlot } from "./heartbeats.ts";
import { type Agreement, connectedHeaders, credentialsOf, negotiate } from "./negotiation.ts";
import { type Connection, RECEIPT_DEFERRED } from "./ports.ts";
import { SessionLog } from "./session-log.ts";
import { sendToKey } from "./session-subscription.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TimeLimits } from "./time-limits.ts";

const NO_HEARTBEATS = { header: "0,0", sendEveryMs: 0, receiveEveryMs: 0 } as const;

type State = "opened" | "connected" | "closed";

/**
 * The STOMP state machine of one connection. Frames are handled in their order; one that needs no
 * waiting is handled at once, without a promise, and those behind one that waits are queued.
 */
export class Session {
  readonly id: string;
  readonly connection: Connection;
  readonly subscriptions = new Subscriptions();
  readonly #environment: SessionEnvironment;
  readonly #decoder: Decoder;
  readonly #frames: FrameSequence<Session>;
  #state: State = "opened";
  #principal: Principal | null = null;
  #version: StompVersion = "1.2";
  #wire: Wire;
  /** null until CONNECT is answered. */
  #clientFrames: ClientFrames | null = null;
  // What most sessions never need is made when it is needed: there are many sessions.
  #deferredReceipts: DeferredReceipts | null = null;
  #queues: QueueClient | null = null;
  #ownLog: SessionLog | null = null;
  readonly #times: TimeLimits;
  #heartbeats: HeartbeatSlot | null = null;
  readonly #onClosed: ((session: Session) => void)[] = [];

  static readonly #handling: FrameHandling<Session> = {
    handle: (session, frame) => session.#handle(frame),
    overflow: (session) =>
      session.#failAtLimit("TOO_MANY_PENDING_FRAMES", "frames wait behind one"),
  };

  constructor(connection: Connection, environment: SessionEnvironment) {
    this.connection = connection;
    this.#environment = environment;
    this.id = environment.newId();
    this.#times = new TimeLimits(environment.limits, environment.clock.monotonicMs());
    this.#wire = FIRST_WIRE[connection.framing];
    this.#decoder = strangersDecoder(environment.limits);
    const pending = strangersPending(environment.limits);
    this.#frames = new FrameSequence(this, Session.#handling, pending);
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  /** Only a connected session has one; asking earlier is a fault of the caller. */
  get principal(): Principal {
    if (this.#principal === null) throw new Error("session has no principal before CONNECT");
    return this.#principal;
  }

  /** The work queues, as this session uses them. */
  get queues(): QueueClient {
    this.#queues ??= this.#environment.queues.open((error) => this.fail(error));
    return this.#queues;
  }

  /** The client has proven anew who it is. The proof must be the same user's. */
  renew(principal: Principal): void {
    this.#principal = principal;
    this.#times.proven(principal, this.#environment);
  }

  /**
   * For a transport that knows by itself whose the connection is: as if a CONNECT had been accepted.
   * Throws TOO_MANY_CONNECTIONS.
   */
  begin(principal: Principal): void {
    this.#begin(principal, { version: "1.2", heartbeats: NO_HEARTBEATS });
  }

  /** One transport message: any part of a frame, or several. */
  receive(chunk: string | Uint8Array): void {
    if (this.#state === "closed") return;
    this.#times.received(this.#environment.clock.monotonicMs());
    if (this.#state === "opened" && this.connection.framing === "raw") {
      // A client is answered in the opcode in which it speaks.
      this.#wire = typeof chunk === "string" ? "text" : "binary";
    }
    try {
      this.#decoder.push(chunk, (frame) => this.#frames.accept(frame));
    } catch (fault) {
      this.#failAfterFrames(fault);
    }
  }

  /** As `receive`, for a transport whose messages hold several; what unpacking throws ends the session. */
  receiveAll(unpack: () => readonly string[]): void {
    try {
      for (const chunk of unpack()) this.receive(chunk);
    } catch (fault) {
      this.#failAfterFrames(fault);
    }
  }

  /** For a transport that can let its client wait: a promise while frames wait, see `FrameSequence`. */
  idle(): Promise<void> | null {
    return this.#frames.idle();
  }

  /** The client says no more: what it said is still answered, then the session ends. */
  ended(): void {
    this.#frames.accept(END_OF_STREAM);
  }

  /** Runs the task when the session ends; at once when it has. */
  onClosed(task: (session: Session) => void): void {
    if (this.#state === "closed") task(this);
    else this.#onClosed.push(task);
  }

  /** The connection is gone; what its client had sent still goes where it was sent. Idempotent. */
  closed(): void {
    if (this.#state === "closed") return;
    const wasConnected = this.#state === "connected";
    this.#state = "closed";
    this.#decoder.stop();
    if (this.#times.isBlocked) this.#log.cutOff("slow-reader", this.#principal);
    if (this.#heartbeats !== null) {
      this.#environment.heartbeatSender.remove(this.connection, this.#heartbeats);
    }
    for (const task of this.#onClosed) task(this);
    if (wasConnected) this.#environment.application.disconnected(this);
    this.subscriptions.removeAll();
    this.#queues?.close();
  }

  /** Ends the session on the server's wish, without an ERROR. */
  close(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#frames.stop();
    this.closed();
    this.connection.close(code, reason);
  }

  /**
   * The server goes away: ends the session and tells its client so, by an ERROR where the transport
   * has no close code, else on its errors queue and by the close.
   */
  dismiss(error: AppError): void {
    if (this.#state === "closed") return;
    if (this.connection.framing === "stream") {
      this.#fail(error, null);
      return;
    }
    this.#tellErrorsQueue(error, "", undefined);
    this.close(closeCodeFor(error.code), error.message);
  }

  drained(): void {
    this.#times.progressed();
    if (this.#state !== "connected") return;
    this.#environment.application.drained(this);
    this.subscriptions.drained();
  }

  /**
   * Looks at the time limits, by the clock's monotonic time; called now and then. To ask the engine
   * what its buffer holds takes longer than all the rest, and is not needed each time.
   */
  check(nowMs: number, looksAtBuffer = true): void {
    if (this.#state === "closed") return;
    // A client that is not read, see `idle`, cannot be heard.
    const isUnread = this.connection.framing === "stream" && this.#frames.isWaiting;
    if (isUnread) this.#times.received(nowMs);
    const exceeded = this.#times.exceeded(nowMs, this.#state === "connected");
    const warning = this.#times.warning(nowMs);
    if (warning !== null && this.#tellErrorsQueue(warning, "", undefined)) this.#times.warned();
    if (exceeded !== null) {
      this.#fail(exceeded, null);
    } else if (looksAtBuffer && this.#times.isBlockedTooLong(nowMs, this.#leftStanding)) {
      this.#drop();
    }
  }

  /** What waits for a client that is away does not say that it reads slowly. */
  get #leftStanding(): number {
    return this.connection.isReading ? this.connection.bufferedBytes() : 0;
  }

  /** More waits for the client than may: the session ends. */
  overflowed(): void {
    if (this.#state === "closed") return;
    if (!this.#times.isBlocked) this.#log.cutOff("slow-reader", this.#principal);
    this.#drop();
  }

  #drop(): void {
    this.#frames.stop();
    this.closed();
    this.connection.terminate();
  }

  /** The receipt of a frame whose handler returned RECEIPT_DEFERRED, or why there is none. */
  settle(frame: Frame, error: AppError | null): void {
    this.#environment.onSettled?.(frame, error);
    const receiptId = frame.header("receipt");
    if (error !== null) this.refuse(frame, error);
    else if (receiptId !== undefined) this.#sendReceipt(receiptId);
    if (receiptId !== undefined) this.#receipts.settled();
    this.#clientFrames?.settled(frame);
  }

  /**
   * The frame is refused: with an ERROR if that is fatal, otherwise with a message on the client's
   * errors queue. A client that does not listen there gets the ERROR that STOMP promises it, except
   * for what it sent to `/app/**` without asking for a receipt: that is logged.
   */
  refuse(frame: Frame, error: AppError): void {
    if (this.#state === "closed") return;
    const isInTransaction = frame.header("transaction") !== undefined;
    if (error.traits.fatal || this.#state === "opened" || isInTransaction) {
      this.#fail(error, frame);
      return;
    }
    const destination = frame.header("destination") ?? "";
    if (error.code === "INTERNAL") this.#log.internal(error, destination);
    if (this.#tellErrorsQueue(error, destination, frame.header("receipt"))) {
      this.#log.refused(error);
      return;
    }
    if (mayGoUntold(frame, error)) {
      this.#log.refused(error);
      this.#log.untold(error, destination, this.principal);
    } else {
      this.#fail(error, frame);
    }
  }

  /** Handles a frame that was refused earlier, now that it may be accepted. */
  retry(frame: Frame): void {
    if (this.#state === "connected") this.#frames.accept(frame);
  }

  /** What the server keeps for the connection, in bytes: to be sent, handled, answered or acknowledged. */
  get heldBytes(): number {
    return (
      this.connection.bufferedBytes() +
      this.#frames.queuedBytes +
      this.#decoder.heldBytes +
      (this.#clientFrames?.transactionBytes ?? 0) +
      this.subscriptions.heldBytes +
      this.#environment.application.heldBytes(this)
    );
  }

  /** Ends the session to get back what it holds. A client that takes nothing cannot be told why. */
  evict(error: AppError): void {
    if (this.#state === "closed") return;
    if (this.connection.bufferedBytes() === 0) {
      this.#fail(error, null);
      return;
    }
    this.#log.cutOff("overload", this.#principal);
    this.#drop();
  }

  /** An ERROR frame, and the end: nothing more of this connection is processed. */
  fail(error: AppError): void {
    this.#fail(error, null);
  }

  /** Runs the handler, sends the receipt when it is done, and reports what it throws. */
  #handle(frame: Frame): Promise<void> | undefined {
    try {
      const result = this.#dispatch(frame);
      if (result instanceof Promise) return this.#handleLater(frame, result);
      this.#succeed(frame, result);
    } catch (fault) {
      this.refuse(frame, toAppError(fault));
    }
    return undefined;
  }

  async #handleLater(frame: Frame, result: Promise<unknown>): Promise<void> {
    try {
      this.#succeed(frame, await result);
    } catch (fault) {
      this.refuse(frame, toAppError(fault));
    }
  }

  #succeed(frame: Frame, result: unknown): void {
    if (this.#state === "closed") return;
    const receiptId = frame.header("receipt");
    const answered = result === RECEIPT_DEFERRED || isConnect(frame);
    if (receiptId !== undefined && !answered) this.#sendReceipt(receiptId);
    if (receiptId !== undefined && result === RECEIPT_DEFERRED) this.#receipts.deferred();
    if (frame.command === "DISCONNECT") this.close(1000, "DISCONNECT");
  }

  /** False if the client has no subscription to its errors. */
  #tellErrorsQueue(error: AppError, destination: string, receiptId: string | undefined): boolean {
    const { clock, newId } = this.#environment;
    const body = errorEvent(error, destination, receiptId, clock.now());
    return this.tell("errors", new Outgoing(newId(), body, ["content-type", "application/json"]));
  }

  /** To this connection alone of its user's. False if it has no subscription to the queue. */
  tell(queue: UserQueue, message: Outgoing): boolean {
    if (this.#state !== "connected") return false;
    const key = userQueue(this.principal.userId, queue);
    return sendToKey(this.subscriptions.all(), key, message);
  }

  #fail(error: AppError, frame: Frame | null): void {
    if (this.#state === "closed") return;
    if (error.code === "INTERNAL") this.#log.internal(error, frame?.header("destination") ?? "");
    const headers = errorHeaders(error, frame?.header("receipt"));
    this.#sendFrame("ERROR", headers, `${error.code}: ${error.message}\n`);
    this.#log.failed(error, this.#principal);
    this.close(closeCodeFor(error.code), error.code);
  }

  /** What came before the fault is handled before it is answered. */
  #failAfterFrames(fault: unknown): void {
    this.#decoder.stop();
    const fail = () => this.#fail(toAppError(fault), null);
    const idle = this.#frames.idle();
    if (idle === null) fail();
    else idle.then(fail, fail);
  }

  #sendReceipt(receiptId: string): void {
    this.#sendFrame("RECEIPT", ["receipt-id", receiptId]);
  }

  #failAtLimit(code: ErrorCode, what: string): void {
    this.#fail(new AppError(code, `Too many ${what}`), null);
  }

  #sendFrame(command: string, headers: readonly string[], body?: string): void {
    if (this.#state === "closed") return;
    const frame = encodeFrame(this.#version, command, headers, body);
    this.connection.send(toWire(this.#wire, frame));
  }

  #dispatch(frame: Frame): MaybePromise<unknown> {
    if (this.#state === "closed" && !outlivesConnection(frame)) return undefined;
    if (isConnect(frame)) return this.#connect(frame);
    if (this.#state === "opened" && frame !== END_OF_STREAM) {
      throw new AppError("NOT_CONNECTED", `${frame.command} came before CONNECT`);
    }
    if (frame.command === "DISCONNECT") return allBefore(this.#deferredReceipts, this.#queues);
    return this.#clientFrames?.handle(frame);
  }

  get #receipts(): DeferredReceipts {
    this.#deferredReceipts ??= new DeferredReceipts();
    return this.#deferredReceipts;
  }

  get #log(): SessionLog {
    this.#ownLog ??= new SessionLog(this.#environment, this.id);
    return this.#ownLog;
  }

  // [STOMP 1.2 §Connecting]
  #connect(frame: Frame): MaybePromise<void> {
    if (this.#state !== "opened") throw new AppError("ALREADY_CONNECTED", "CONNECT came twice");
    const agreement = negotiate(frame, this.#environment.heartbeat);
    this.#version = agreement.version;
    this.#decoder.version = agreement.version;
    const credentials = credentialsOf(frame, this.connection.remote);
    return whenReady(this.#environment.application.authenticate(credentials), (principal) => {
      if (this.#state === "opened") this.#begin(principal, agreement);
    });
  }

  #begin(principal: Principal, agreement: Agreement): void {
    const { version, heartbeats } = agreement;
    this.#environment.application.permitConnection(principal);
    this.renew(principal);
    this.connection.remote.forgetHeaders();
    this.#decoder.maxFrameBytes = this.#environment.limits.frameBytes;
    this.#frames.limits = this.#environment.limits;
    this.#state = "connected";
    this.#clientFrames = new ClientFrames(this, this.#environment, { version, wire: this.#wire });
    const { serverName } = this.#environment;
    this.#sendFrame("CONNECTED", connectedHeaders(agreement, this.id, serverName, principal));
    this.#times.expectEvery(heartbeats.receiveEveryMs);
    if (heartbeats.sendEveryMs > 0) {
      const { heartbeatSender } = this.#environment;
      const payload = toWire(this.#wire, "\n");
      const { sendEveryMs } = heartbeats;
      this.#heartbeats = heartbeatSender.add(this.connection, payload, sendEveryMs);
    }
    this.#environment.application.connected(this);
  }
}
