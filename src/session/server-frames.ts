import type { Principal } from "../auth/principal.ts";
import { toWire, type Wire } from "../broker/wire.ts";
import type { AppError } from "../errors.ts";
import { encodeFrame } from "../stomp/encoder.ts";
import type { StompVersion } from "../stomp/version.ts";
import { FIRST_WIRE } from "./before-connect.ts";
import { DeferredReceipts } from "./deferred-receipts.ts";
import type { SessionEnvironment } from "./environment.ts";
import { errorHeaders } from "./error-reports.ts";
import type { HeartbeatSlot } from "./heartbeats.ts";
import { type Agreement, connectedHeaders } from "./negotiation.ts";
import type { Connection } from "./ports.ts";

/**
 * What a server says of its own accord: CONNECTED, RECEIPT, ERROR and heart-beats. MESSAGEs are the
 * subscriptions'.
 */
export class ServerFrames {
  /** Of the frames; the client's as soon as it is known. */
  version: StompVersion = "1.2";
  wire: Wire;
  readonly #connection: Connection;
  readonly #environment: SessionEnvironment;
  #heartbeats: HeartbeatSlot | null = null;
  #isStopped = false;
  /** Made at the first one that is: most sessions have none. */
  #deferred: DeferredReceipts | null = null;

  constructor(connection: Connection, environment: SessionEnvironment) {
    this.#connection = connection;
    this.#environment = environment;
    this.wire = FIRST_WIRE[connection.framing];
  }

  connected(agreement: Agreement, sessionId: string, principal: Principal): void {
    const { serverName } = this.#environment;
    this.#send("CONNECTED", connectedHeaders(agreement, sessionId, serverName, principal));
  }

  receipt(receiptId: string): void {
    this.#send("RECEIPT", ["receipt-id", receiptId]);
  }

  /** Those that come later. */
  get receipts(): DeferredReceipts {
    this.#deferred ??= new DeferredReceipts();
    return this.#deferred;
  }

  /** A promise only while receipts are outstanding. */
  allReceipts(): Promise<void> | undefined {
    return this.#deferred?.all();
  }

  /** `receiptId`: of the frame that is answered with it, if it asked for a receipt. */
  error(error: AppError, receiptId: string | undefined): void {
    this.#send("ERROR", errorHeaders(error, receiptId), `${error.code}: ${error.message}\n`);
  }

  /** Heart-beats from now on; 0 is none. Called once at most. */
  beatEvery(everyMs: number): void {
    if (everyMs === 0) return;
    const { heartbeatSender } = this.#environment;
    this.#heartbeats = heartbeatSender.add(this.#connection, toWire(this.wire, "\n"), everyMs);
  }

  /** The session ends, and nothing more is said. Called once at most. */
  stop(): void {
    this.#isStopped = true;
    if (this.#heartbeats === null) return;
    this.#environment.heartbeatSender.remove(this.#connection, this.#heartbeats);
  }

  #send(command: string, headers: readonly string[], body?: string): void {
    if (this.#isStopped) return;
    this.#connection.send(toWire(this.wire, encodeFrame(this.version, command, headers, body)));
  }
}
