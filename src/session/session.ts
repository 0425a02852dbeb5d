import type { Principal } from "../auth/principal.ts";
import { type UserQueue, userQueue } from "../broker/destination.ts";
import type { Outgoing } from "../broker/outgoing.ts";
import type { QueueClient } from "../broker/queue-client.ts";
import { AppError, toAppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import type { Decoder } from "../stomp/decoder.ts";
import type { Frame } from "../stomp/frame.ts";
import { strangersDecoder, strangersPending } from "./before-connect.ts";
import { ClientFrames } from "./client-frames.ts";
import { closeCodeFor } from "./close-codes.ts";
import { allBefore, END_OF_STREAM, outlivesConnection } from "./disconnect.ts";
import type { SessionEnvironment } from "./environment.ts";
import { errorMessage, mayGoUntold } from "./error-reports.ts";
import { type FrameHandling, FrameSequence } from "./frame-sequence.ts";
import { isConnect } from "./headers.ts";
import { type Agreement, credentialsOf, negotiate, UNSPOKEN } from "./negotiation.ts";
import { type Connection, RECEIPT_DEFERRED } from "./ports.ts";
import { ServerFrames } from "./server-frames.ts";
import { SessionLog } from "./session-log.ts";
import { sendToKey } from "./session-subscription.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TimeLimits } from "./time-limits.ts";

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
  readonly #serverFrames: ServerFrames;
  /** null until CONNECT is answered. */
  #clientFrames: ClientFrames | null = null;
  // What most sessions never need is made when it is needed: there are many sessions.
  #queues: QueueClient | null = null;
  #ownLog: SessionLog | null = null;
  readonly #times: TimeLimits;
  readonly #onClosed: ((session: Session) => void)[] = [];

  static readonly #handling: FrameHandling<Session> = {
    handle: (session, frame) => session.#handle(frame),
    overflow: (session) =>
      session.fail(new AppError("TOO_MANY_PENDING_FRAMES", "Too many frames wait behind one")),
  };

  constructor(connection: Connection, environment: SessionEnvironment) {
    this.connection = connection;
    this.#environment = environment;
    this.id = environment.newId();
    this.#times = new TimeLimits(environment.limits, environment.clock.monotonicMs());
    this.#serverFrames = new ServerFrames(connection, environment);
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
    this.#begin(principal, UNSPOKEN);
  }

  /** One transport message: any part of a frame, or several. */
  receive(chunk: string | Uint8Array): void {
    if (this.#state === "closed") return;
    this.#times.received(this.#environment.clock.monotonicMs());
    if (this.#state === "opened" && this.connection.framing === "raw") {
      // A client is answered in the opcode in which it speaks.
      this.#serverFrames.wire = typeof chunk === "string" ? "text" : "binary";
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
    this.#serverFrames.stop();
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
    if (warning !== null && this.tellError(warning, null)) this.#times.warned();
    if (exceeded !== null) {
      this.fail(exceeded);
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
    else if (receiptId !== undefined) this.#serverFrames.receipt(receiptId);
    if (receiptId !== undefined) this.#serverFrames.receipts.settled();
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
    const isFatal = error.traits.fatal || this.#state === "opened" || isInTransaction;
    const isTold = !isFatal && this.tellError(error, frame);
    if (!isTold && (isFatal || !mayGoUntold(frame, error))) {
      this.fail(error, frame);
      return;
    }
    this.#log.refused(error, frame);
    if (!isTold) this.#log.untold(error, frame, this.principal);
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
      this.fail(error);
      return;
    }
    this.#log.cutOff("overload", this.#principal);
    this.#drop();
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
    if (receiptId !== undefined) {
      if (result === RECEIPT_DEFERRED) this.#serverFrames.receipts.deferred();
      else if (!isConnect(frame)) this.#serverFrames.receipt(receiptId);
    }
    if (frame.command === "DISCONNECT") this.close(1000, "DISCONNECT");
  }

  /** To this connection alone of its user's. False if it has no subscription to the queue. */
  tell(queue: UserQueue, message: Outgoing): boolean {
    if (this.#state !== "connected") return false;
    const key = userQueue(this.principal.userId, queue);
    return sendToKey(this.subscriptions.all(), key, message);
  }

  /** As `tell`, of an error: with what it says of the frame that it refuses, if it refuses one. */
  tellError(error: AppError, frame: Frame | null): boolean {
    return this.tell("errors", errorMessage(error, frame, this.#environment));
  }

  /** An ERROR frame, in answer to that one if there is one, and the end: nothing more is handled. */
  fail(error: AppError, frame: Frame | null = null): void {
    if (this.#state === "closed") return;
    this.#serverFrames.error(error, frame?.header("receipt"));
    this.#log.failed(error, frame, this.#principal);
    this.close(closeCodeFor(error.code), error.code);
  }

  /** What came before the fault is handled before it is answered. */
  #failAfterFrames(fault: unknown): void {
    this.#decoder.stop();
    const fail = () => this.fail(toAppError(fault));
    const idle = this.#frames.idle();
    if (idle === null) fail();
    else idle.then(fail, fail);
  }

  #dispatch(frame: Frame): MaybePromise<unknown> {
    if (this.#state === "closed" && !outlivesConnection(frame)) return undefined;
    if (isConnect(frame)) return this.#connect(frame);
    if (this.#state === "opened" && frame !== END_OF_STREAM) {
      throw new AppError("NOT_CONNECTED", `${frame.command} came before CONNECT`);
    }
    if (frame.command === "DISCONNECT") return allBefore(this.#serverFrames, this.#queues);
    return this.#clientFrames?.handle(frame);
  }

  get #log(): SessionLog {
    this.#ownLog ??= new SessionLog(this.#environment, this.id);
    return this.#ownLog;
  }

  // [STOMP 1.2 §Connecting]
  #connect(frame: Frame): MaybePromise<void> {
    if (this.#state !== "opened") throw new AppError("ALREADY_CONNECTED", "CONNECT came twice");
    const agreement = negotiate(frame, this.#environment.heartbeat);
    this.#serverFrames.version = agreement.version;
    this.#decoder.version = agreement.version;
    const credentials = credentialsOf(frame, this.connection.remote);
    return whenReady(this.#environment.application.authenticate(credentials), (principal) => {
      if (this.#state === "opened") this.#begin(principal, agreement);
    });
  }

  #begin(principal: Principal, agreement: Agreement): void {
    this.#environment.application.permitConnection(principal);
    this.renew(principal);
    this.connection.remote.forgetHeaders();
    this.#decoder.maxFrameBytes = this.#environment.limits.frameBytes;
    this.#frames.limits = this.#environment.limits;
    this.#state = "connected";
    this.#clientFrames = new ClientFrames(this, this.#environment, this.#serverFrames);
    this.#serverFrames.connected(agreement, this.id, principal);
    this.#times.expectEvery(agreement.heartbeats.receiveEveryMs);
    this.#serverFrames.beatEvery(agreement.heartbeats.sendEveryMs);
    this.#environment.application.connected(this);
  }
}
