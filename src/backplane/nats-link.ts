import { connect, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { NatsTarget } from "../config/nats-url.ts";
import { type KeptClient, reasonOf } from "./kept-connection.ts";

export interface NatsLinkOptions {
  readonly target: NatsTarget;
  /** What NATS lists the connection as. */
  readonly name: string;
  readonly timeoutMs: number;
  readonly received: (subject: string, bytes: Uint8Array) => void;
}

/** NATS takes lines of 4,096 bytes, with a command and numbers beside the subject. */
const MOST_SUBJECT_BYTES = 3_800;

/** One connection to NATS, which it does not make again. */
export class NatsLink implements KeptClient {
  readonly #options: NatsLinkOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  /** Those who wait until NATS has done something. */
  readonly #waiting = new Set<PromiseWithResolvers<void>>();
  #connection: NatsConnection | null = null;
  #isDestroyed = false;
  #onError: (fault?: unknown) => void = () => {};
  #onEnd: (fault?: unknown) => void = () => {};

  constructor(options: NatsLinkOptions) {
    this.#options = options;
  }

  on(event: "error" | "end", listener: (fault?: unknown) => void): void {
    if (event === "error") this.#onError = listener;
    else this.#onEnd = listener;
  }

  async connect(): Promise<void> {
    const { target, name, timeoutMs } = this.#options;
    const { servers, isTls, user, password } = target;
    const connection = await connect({
      ...{ servers: [...servers], name, timeout: timeoutMs, reconnect: false, noEcho: true },
      ...(user !== undefined &&
        (password === undefined ? { token: user } : { user, pass: password })),
      ...(isTls && { tls: {} }),
    }).catch((fault: unknown) => {
      throw new Error(`${servers.join()}: ${reasonOf(fault)}`, { cause: fault });
    });
    if (this.#isDestroyed) {
      await connection.close();
      return;
    }
    this.#connection = connection;
    connection.closed().then(
      (fault) => (fault instanceof Error ? this.#onError(fault) : this.#onEnd()),
      (fault: unknown) => this.#onError(fault),
    );
  }

  /** False for what NATS would not take, and would end the connection for; or without one. */
  publish(subject: string, bytes: Uint8Array): boolean {
    const connection = this.#openConnection();
    const limit = connection?.info?.max_payload ?? 0;
    if (connection === null || bytes.length > limit || isTooLong(subject)) return false;
    connection.publish(subject, bytes);
    return true;
  }

  /**
   * Idempotent. One that is too long for NATS is passed over: nothing can be published there either.
   */
  subscribe(subject: string): void {
    if (isTooLong(subject) || this.#subscriptions.has(subject)) return;
    const subscription = this.#openConnection()?.subscribe(subject, {
      callback: (fault, message) => {
        if (fault === null) this.#options.received(message.subject, message.data);
        else this.#onError(fault);
      },
    });
    if (subscription !== undefined) this.#subscriptions.set(subject, subscription);
  }

  unsubscribe(subject: string): void {
    this.#subscriptions.get(subject)?.unsubscribe();
    this.#subscriptions.delete(subject);
  }

  /** Resolves when NATS has done all that it was told before; rejects when the connection is lost. */
  async settled(): Promise<void> {
    if (this.#connection === null) throw lost();
    const answer = Promise.withResolvers<void>();
    this.#waiting.add(answer);
    // The library leaves it open for ever when the connection is closed.
    this.#connection.flush().then(answer.resolve, answer.reject);
    try {
      await answer.promise;
    } finally {
      this.#waiting.delete(answer);
    }
  }

  /** The library throws for one that is closed, of which `closed` tells a moment later. */
  #openConnection(): NatsConnection | null {
    return this.#connection?.isClosed() === false ? this.#connection : null;
  }

  destroy(): void {
    this.#isDestroyed = true;
    const connection = this.#connection;
    this.#connection = null;
    connection?.close().catch(() => {}); // It is closed either way.
    for (const { reject } of this.#waiting) reject(lost());
  }
}

function lost(): Error {
  return new Error("the connection is lost");
}

function isTooLong(subject: string): boolean {
  return Buffer.byteLength(subject) > MOST_SUBJECT_BYTES;
}
