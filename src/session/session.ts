import type { Principal } from "../auth/principal.ts";
import type { Broker } from "../broker/broker.ts";
import { parseDestination, userQueue } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import { toWire, type Wire } from "../broker/wire.ts";
import type { Clock } from "../clock.ts";
import { AppError, type ErrorCode, toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { Decoder } from "../stomp/decoder.ts";
import { encodeFrame } from "../stomp/encoder.ts";
import { detached, Frame } from "../stomp/frame.ts";
import { negotiateVersion, type StompVersion, SUPPORTED_VERSIONS } from "../stomp/version.ts";
import { acknowledgedBy } from "./acknowledgement.ts";
import { closeCodeFor } from "./close-codes.ts";
import { DeferredReceipts } from "./deferred-receipts.ts";
import { errorEvent } from "./error-event.ts";
import { FrameSequence } from "./frame-sequence.ts";
import { ackModeOf, isConnect, refuseTransaction, required } from "./headers.ts";
import { agreeOnHeartbeats, type HeartbeatSender } from "./heartbeats.ts";
import {
  type Application,
  type Connection,
  type HeartbeatSettings,
  RECEIPT_DEFERRED,
  type SessionLimits,
} from "./ports.ts";
import { SessionSubscription } from "./session-subscription.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TimeLimits } from "./time-limits.ts";

export interface SessionEnvironment {
  readonly broker: Broker;
  readonly application: Application;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
  readonly limits: SessionLimits;
  readonly heartbeat: HeartbeatSettings;
  readonly heartbeatSender: HeartbeatSender;
  /** The `server` header of CONNECTED. */
  readonly serverName: string;
}

/** What the end of a stream stands for. */
const END_OF_STREAM = new Frame("DISCONNECT", [], "");

/** Until the client has spoken. */
const FIRST_WIRE = { raw: "text", sockjs: "sockjs", stream: "binary" } as const;

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
  readonly #frames: FrameSequence;
  #state: State = "opened";
  #principal: Principal | null = null;
  #version: StompVersion = "1.2";
  #wire: Wire;
  #subscriptionsMade = 0;
  readonly #deferredReceipts = new DeferredReceipts();
  readonly #times: TimeLimits;
  readonly #onClosed: (() => void)[] = [];

  constructor(connection: Connection, environment: SessionEnvironment) {
    this.connection = connection;
    this.#environment = environment;
    this.id = environment.newId();
    this.#times = new TimeLimits(environment.limits, environment.clock.now());
    this.#wire = FIRST_WIRE[connection.framing];
    const { frameBytes, headers, headerLineBytes } = environment.limits;
    this.#decoder = new Decoder({
      maxFrameBytes: frameBytes,
      maxHeaders: headers,
      maxHeaderLineBytes: headerLineBytes,
    });
    this.#frames = new FrameSequence(
      (frame) => this.#handle(frame),
      environment.limits.pendingFrames,
      () => this.#failAtLimit("TOO_MANY_PENDING_FRAMES", "frames wait behind one"),
    );
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  /** Only a connected session has one; asking earlier is a fault of the caller. */
  get principal(): Principal {
    if (this.#principal === null) throw new Error("session has no principal before CONNECT");
    return this.#principal;
  }

  /** One transport message: any part of a frame, or several. */
  receive(chunk: string | Uint8Array): void {
    if (this.#state === "closed") return;
    this.#times.received(this.#environment.clock.now());
    if (this.#state === "opened" && this.connection.framing === "raw") {
      // A client is answered in the opcode in which it speaks.
      this.#wire = typeof chunk === "string" ? "text" : "binary";
    }
    try {
      this.#decoder.push(chunk, this.#frames.accept);
    } catch (fault) {
      this.#fail(toAppError(fault), null);
    }
  }

  /** As `receive`, for a transport whose messages hold several; what unpacking throws ends the session. */
  receiveAll(unpack: () => readonly string[]): void {
    try {
      for (const chunk of unpack()) this.receive(chunk);
    } catch (fault) {
      this.#fail(toAppError(fault), null);
    }
  }

  /** The client says no more: what it said is still answered, then the session ends. */
  ended(): void {
    this.#frames.accept(END_OF_STREAM);
  }

  /** Runs the task when the session ends. */
  onClosed(task: () => void): void {
    this.#onClosed.push(task);
  }

  /** The connection is gone. Idempotent. */
  closed(): void {
    if (this.#state === "closed") return;
    const wasConnected = this.#state === "connected";
    this.#state = "closed";
    this.#decoder.stop();
    this.#frames.stop();
    for (const task of this.#onClosed) task();
    if (wasConnected) this.#environment.application.disconnected(this);
    this.subscriptions.removeAll();
  }

  /** Ends the session on the server's wish, without an ERROR. */
  close(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.closed();
    this.connection.close(code, reason);
  }

  drained(): void {
    this.#times.progressed();
    if (this.#state === "connected") this.#environment.application.drained(this);
  }

  /** Looks at the time limits; called now and then. */
  check(nowMs: number): void {
    if (this.#state === "closed") return;
    const exceeded = this.#times.exceeded(nowMs, this.#state === "connected");
    if (exceeded !== null) {
      this.#fail(exceeded, null);
    } else if (this.#times.isBlockedTooLong(nowMs, this.connection.bufferedBytes())) {
      this.closed();
      this.connection.terminate();
    }
  }

  /** The receipt of a frame whose handler returned RECEIPT_DEFERRED, or why there is none. */
  settle(receiptId: string | undefined, destination: string, error: AppError | null): void {
    if (error !== null) this.reportError(error, destination, receiptId);
    else if (receiptId !== undefined) this.#sendReceipt(receiptId);
    if (receiptId !== undefined) this.#deferredReceipts.settled();
  }

  /** Non-fatal: tells this connection's errors queue. */
  reportError(error: AppError, destination: string, receiptId: string | undefined): void {
    if (this.#state !== "connected") return;
    if (error.code === "INTERNAL") this.#logInternal(error, destination);
    const body = errorEvent(error, destination, receiptId, this.#environment.clock.now());
    const key = userQueue(this.principal.userId, "errors");
    const message = new Outgoing(this.#environment.newId(), body, [
      "content-type",
      "application/json",
    ]);
    let told = false;
    for (const subscription of this.subscriptions.all()) {
      if (subscription.key !== key) continue;
      subscription.send(message);
      told = true;
    }
    if (!told) {
      const fields = { code: error.code, destination, user: this.principal.userId };
      this.#environment.log.warn(fields, "Refused, and the client does not listen to its errors");
    }
  }

  /** Handles a frame that was refused earlier, now that it may be accepted. */
  retry(frame: Frame): void {
    if (this.#state === "connected") this.#frames.accept(frame);
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
      this.#refuse(frame, toAppError(fault));
    }
    return undefined;
  }

  async #handleLater(frame: Frame, result: Promise<unknown>): Promise<void> {
    try {
      this.#succeed(frame, await result);
    } catch (fault) {
      this.#refuse(frame, toAppError(fault));
    }
  }

  #succeed(frame: Frame, result: unknown): void {
    if (this.#state === "closed") return;
    const receiptId = frame.header("receipt");
    const answered = result === RECEIPT_DEFERRED || isConnect(frame);
    if (receiptId !== undefined && !answered) this.#sendReceipt(receiptId);
    if (receiptId !== undefined && result === RECEIPT_DEFERRED) this.#deferredReceipts.deferred();
    if (frame.command === "DISCONNECT") this.close(1000, "DISCONNECT");
  }

  #refuse(frame: Frame, error: AppError): void {
    if (this.#state === "closed") return;
    if (error.traits.fatal || this.#state === "opened") {
      this.#fail(error, frame);
      return;
    }
    this.reportError(error, frame.header("destination") ?? "", frame.header("receipt"));
  }

  #fail(error: AppError, frame: Frame | null): void {
    if (this.#state === "closed") return;
    if (error.code === "INTERNAL") this.#logInternal(error, frame?.header("destination") ?? "");
    const headers = ["message", error.message, "code", error.code, "content-type", "text/plain"];
    const receiptId = frame?.header("receipt");
    if (receiptId !== undefined) headers.push("receipt-id", receiptId);
    // [STOMP 1.2 §Protocol Negotiation]
    if (error.code === "UNSUPPORTED_VERSION") headers.push("version", SUPPORTED_VERSIONS.join(","));
    this.#sendFrame("ERROR", headers, `${error.code}: ${error.message}\n`);
    const fields = { code: error.code, session: this.id, user: this.#principal?.userId };
    this.#environment.log.info(fields, "Connection refused with an ERROR");
    this.close(closeCodeFor(error.code), error.code);
  }

  #sendReceipt(receiptId: string): void {
    this.#sendFrame("RECEIPT", ["receipt-id", receiptId]);
  }

  #failAtLimit(code: ErrorCode, what: string): void {
    this.#fail(new AppError(code, `Too many ${what}`), null);
  }

  #logInternal(error: AppError, destination: string): void {
    const fields = { err: error.cause ?? error, destination, session: this.id };
    this.#environment.log.error(fields, "Internal error");
  }

  #sendFrame(command: string, headers: readonly string[], body?: string): void {
    if (this.#state === "closed") return;
    const frame = encodeFrame(this.#version, command, headers, body);
    this.connection.send(toWire(this.#wire, frame));
  }

  #dispatch(frame: Frame): MaybePromise<unknown> {
    if (isConnect(frame)) return this.#connect(frame);
    if (this.#state === "opened" && frame !== END_OF_STREAM) {
      throw new AppError("NOT_CONNECTED", `${frame.command} came before CONNECT`);
    }
    switch (frame.command) {
      case "SEND":
        return this.#send(frame);
      case "SUBSCRIBE":
        return this.#subscribe(frame);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(frame);
      case "ACK":
        return this.#acknowledge(frame, true);
      case "NACK":
        return this.#acknowledge(frame, false);
      case "DISCONNECT":
        return this.#deferredReceipts.all();
      case "BEGIN":
      case "COMMIT":
      case "ABORT":
        throw new AppError("UNSUPPORTED_TRANSACTION", "Transactions are not offered");
      default:
        throw new AppError("UNKNOWN_COMMAND", `A client may not send ${frame.command}`);
    }
  }

  // [STOMP 1.2 §Connecting]
  #connect(frame: Frame): MaybePromise<void> {
    if (this.#state !== "opened") throw new AppError("ALREADY_CONNECTED", "CONNECT came twice");
    const version = negotiateVersion(frame.header("accept-version"));
    if (version === null) {
      const text = `None of the versions offered is supported: ${SUPPORTED_VERSIONS.join(", ")}`;
      throw new AppError("UNSUPPORTED_VERSION", text);
    }
    const heartbeats = agreeOnHeartbeats(frame.header("heart-beat"), this.#environment.heartbeat);
    if (heartbeats === null) {
      throw new AppError("INVALID_HEADER", "heart-beat is not of the form <ms>,<ms>");
    }
    this.#version = version;
    this.#decoder.version = version;
    const credentials = {
      header: (name: string) => {
        const value = frame.header(name) ?? frame.header(name.toLowerCase());
        return value === undefined ? undefined : detached(value);
      },
      proxied: this.connection.proxied,
    };
    return whenReady(this.#environment.application.authenticate(credentials), (principal) => {
      if (this.#state !== "opened") return;
      this.#principal = principal;
      this.#state = "connected";
      this.#sendFrame("CONNECTED", [
        ...["version", version, "heart-beat", heartbeats.header, "session", this.id],
        ...["server", this.#environment.serverName, "user-name", principal.userId],
      ]);
      this.#times.expectEvery(heartbeats.receiveEveryMs);
      if (heartbeats.sendEveryMs > 0) {
        const { heartbeatSender } = this.#environment;
        const payload = toWire(this.#wire, "\n");
        this.onClosed(heartbeatSender.add(this.connection, payload, heartbeats.sendEveryMs));
      }
      this.#environment.application.connected(this);
    });
  }

  #send(frame: Frame): MaybePromise<unknown> {
    refuseTransaction(frame);
    const destination = parseDestination(required(frame, "destination"));
    return this.#environment.application.send(this, destination, frame);
  }

  // [STOMP 1.2 §SUBSCRIBE]
  #subscribe(frame: Frame): MaybePromise<void> {
    const destination = parseDestination(detached(required(frame, "destination")));
    const ackMode = ackModeOf(frame);
    const given = this.#version === "1.0" ? frame.header("id") : required(frame, "id");
    const header = given === undefined ? null : detached(given);
    const id = header ?? destination.name;
    const known = this.subscriptions.destinationOf(id);
    if (known === destination.name) return;
    if (known !== undefined) {
      throw new AppError("SUBSCRIPTION_ID_IN_USE", `Subscription ${id} stands for ${known}`);
    }
    return whenReady(
      this.#environment.application.admit(this, destination, frame),
      (policy): void => {
        if (this.#state !== "connected") return;
        this.#subscriptionsMade += 1;
        const { limits, broker } = this.#environment;
        const subscription = new SessionSubscription({
          broker,
          connection: this.connection,
          ackMode,
          number: this.#subscriptionsMade,
          unacknowledgedLimit: limits.unacknowledgedMessages,
          onOverflow: () =>
            this.#failAtLimit("TOO_MANY_UNACKNOWLEDGED", "messages wait for an ACK"),
          request: {
            peer: this.connection,
            key: policy.key,
            destination: destination.name,
            id: header,
            version: this.#version,
            wire: this.#wire,
          },
        });
        const options = {
          destination: destination.name,
          limit: limits.subscriptions,
          held: policy.catchUp,
        };
        if (policy.oncePerConnection) this.subscriptions.addShared(id, subscription, options);
        else this.subscriptions.add(id, subscription, options);
        if (policy.catchUp) this.#environment.application.catchUp(this, subscription);
      },
    );
  }

  // An id that stands for nothing is not an error: once-per-connection ids may be forgotten.
  #unsubscribe(frame: Frame): undefined {
    const id =
      this.#version === "1.0"
        ? (frame.header("id") ?? required(frame, "destination"))
        : required(frame, "id");
    this.subscriptions.remove(id);
    this.#environment.application.unsubscribed(this, id);
    return undefined;
  }

  // [STOMP 1.2 §ACK], [STOMP 1.1 §ACK], [STOMP 1.0 ACK]
  #acknowledge(frame: Frame, positive: boolean): undefined {
    refuseTransaction(frame);
    const { subscription, messageId } = acknowledgedBy(frame, this.#version, this.subscriptions);
    const tags = subscription.acknowledge(messageId);
    this.#environment.application.acknowledged(this, subscription, tags, positive);
    return undefined;
  }
}
