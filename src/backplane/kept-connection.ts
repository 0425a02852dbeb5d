import type { Clock, Timer } from "../clock.ts";

const FIRST_PAUSE_MS = 50;

/** A client for one connection, which it does not make again. */
export interface KeptClient {
  connect(): Promise<unknown>;
  /** The connection is lost, with what says why; or it has ended. */
  on(event: "error" | "end", listener: (fault?: unknown) => void): unknown;
  /** Tells of nothing any more. */
  destroy(): void;
}

/** When a connection is given up, and made again. */
export interface ReconnectOptions {
  /** How long an attempt, or an answer, may take. */
  readonly timeoutMs: number;
  /** The longest pause between two attempts. */
  readonly reconnectMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface KeptConnectionOptions<Client extends KeptClient> extends ReconnectOptions {
  /** A client that is not connected yet. */
  readonly newClient: () => Promise<Client>;
  /** What has to be done before the connection is ready. What it rejects with ends the connection. */
  readonly prepare: (client: Client) => Promise<void>;
  /** Rejects when the connection is of no use any more. */
  readonly probe: (client: Client) => Promise<void>;
  /** Resolves when what the client was told before is done. */
  readonly settle: (client: Client) => Promise<unknown>;
  /** @param isAgain it has been ready before */
  readonly ready: (client: Client, isAgain: boolean) => void;
  /** It is not, or no longer, there; told for each attempt that fails. */
  readonly lost: (reason: string) => void;
}

/**
 * One connection to a server, made again whenever it is lost: the first time soon, then after pauses
 * that double, each with a random part so that nodes do not come all at once. It is asked for an
 * answer now and then; without one in time it is lost too, as when the other machine is gone.
 */
export class KeptConnection<Client extends KeptClient> {
  readonly #options: KeptConnectionOptions<Client>;
  #client: Client | null = null;
  #timer: Timer | null = null;
  #attempts = 0;
  #hasBeenReady = false;
  #readyAtMs: number | null = null;
  #isClosed = false;

  constructor(options: KeptConnectionOptions<Client>) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#readyAtMs !== null;
  }

  open(): void {
    this.#attempt().catch((fault: unknown) => this.#lose(null, reasonOf(fault)));
  }

  /** What the client has been told to do is done first, if it is done in time. */
  async close(): Promise<void> {
    const client = this.#client;
    const wasReady = this.isReady;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#readyAtMs = null;
    if (client !== null && wasReady) {
      await this.#inTime(this.#options.settle(client)).catch(() => {}); // It is closed either way.
    }
    this.#client = null;
    client?.destroy();
  }

  /** Ends the client, and begins again. */
  fail(client: Client, reason: string): void {
    this.#lose(client, reason);
  }

  async #attempt(): Promise<void> {
    const { newClient, prepare, ready, clock } = this.#options;
    const client = await this.#inTime(newClient());
    if (this.#isClosed) return;
    this.#client = client;
    client.on("error", (fault: unknown) => this.#lose(client, reasonOf(fault)));
    client.on("end", () => this.#lose(client, "the connection was closed"));
    try {
      await this.#inTime(client.connect());
      if (this.#client !== client) return;
      this.#askLater(client);
      await prepare(client);
    } catch (fault) {
      this.#lose(client, reasonOf(fault));
      return;
    }
    if (this.#client !== client) return;
    this.#readyAtMs = clock.monotonicMs();
    const isAgain = this.#hasBeenReady;
    this.#hasBeenReady = true;
    ready(client, isAgain);
  }

  /** Once for each client; `null` stands for one that could not be made. */
  #lose(client: Client | null, reason: string): void {
    if (this.#isClosed || this.#client !== client) return;
    const { clock, random, reconnectMs, lost } = this.#options;
    this.#client = null;
    client?.destroy();
    this.#timer?.cancel();
    // One that is lost as soon as it is there must not be asked for without a pause.
    const upMs = this.#readyAtMs === null ? 0 : clock.monotonicMs() - this.#readyAtMs;
    this.#readyAtMs = null;
    this.#attempts = upMs > reconnectMs ? 0 : this.#attempts + 1;
    const pauseMs = Math.min(reconnectMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#attempts, 20));
    this.#timer = clock.schedule(pauseMs * (0.5 + 0.5 * random()), () => this.open());
    lost(reason);
  }

  #askLater(client: Client): void {
    const { clock, timeoutMs, probe } = this.#options;
    this.#timer = clock.schedule(timeoutMs, () => {
      this.#inTime(probe(client)).then(
        () => {
          if (this.#client === client) this.#askLater(client);
        },
        (fault: unknown) => this.#lose(client, reasonOf(fault)),
      );
    });
  }

  /** Rejects when it takes too long. */
  async #inTime<T>(step: Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = clock.schedule(timeoutMs, () => late.reject(new Error("no answer in time")));
    try {
      return await Promise.race([step, late.promise]);
    } finally {
      timer.cancel();
    }
  }
}

/** Addresses and the server's own words. */
export function reasonOf(fault: unknown): string {
  if (fault instanceof AggregateError) return fault.errors.map(reasonOf).join("; ");
  if (!(fault instanceof Error)) return String(fault);
  return fault.message || fault.name;
}
