import type { Clock, Timer } from "../clock.ts";
import { readSlots, type SlotRange } from "./cluster-slots.ts";
import { KeptConnection, reasonOf } from "./kept-connection.ts";
import type { RedisCarrierOptions } from "./redis-carrier.ts";
import type { RedisClient } from "./redis-client.ts";
import { RedisEndpoints } from "./redis-endpoints.ts";

/** How often it is asked who serves what. */
const ASK_MS = 1_000;
/** A server may say that a slot has moved before all know where to. */
const ASK_AGAIN_MS = 200;

export interface ClusterMapOptions
  extends Pick<
    RedisCarrierOptions,
    "target" | "name" | "timeoutMs" | "reconnectMs" | "clock" | "random"
  > {
  /** What serves which slots, each time that it is asked. */
  readonly known: (ranges: readonly SlotRange[]) => void;
  readonly ready: (isAgain: boolean) => void;
  readonly lost: (reason: string) => void;
}

/** Asks a node of a Cluster who serves what: every second, and when somebody found that it has changed. */
export class ClusterMap {
  readonly #options: ClusterMapOptions;
  readonly #endpoints: RedisEndpoints;
  readonly #connection: KeptConnection<RedisClient>;
  readonly #clock: Clock;
  #client: RedisClient | null = null;
  #timer: Timer | null = null;
  #isSoon = false;

  constructor(options: ClusterMapOptions) {
    const { target, name, known: _, ready, lost, ...common } = options;
    this.#options = options;
    const { timeoutMs: connectMs, clock } = common;
    this.#clock = clock;
    this.#endpoints = new RedisEndpoints({ target, name, connectMs, clock });
    this.#connection = new KeptConnection({
      ...common,
      settle: (client) => client.sendCommand(["PING"]),
      newClient: () => this.#endpoints.client("asks"),
      prepare: async (client) => {
        await this.#endpoints.check(client);
        await this.#ask(client);
      },
      probe: (client) => this.#endpoints.probe(client),
      ready: (client, isAgain) => {
        this.#client = client;
        this.#askIn(ASK_MS);
        ready(isAgain);
      },
      lost: (reason) => {
        this.#client = null;
        this.#timer?.cancel();
        lost(reason);
      },
    });
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  open(): void {
    this.#connection.open();
  }

  /** Something is not where it was. */
  askSoon(): void {
    if (this.#isSoon || this.#client === null) return;
    this.#isSoon = true;
    this.#askIn(ASK_AGAIN_MS);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#client = null;
    await this.#connection.close();
  }

  #askIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(delayMs, () => {
      this.#isSoon = false;
      const client = this.#client;
      if (client === null) return;
      this.#ask(client).then(
        () => {
          if (this.#client === client && !this.#isSoon) this.#askIn(ASK_MS);
        },
        (fault: unknown) => this.#connection.fail(client, reasonOf(fault)),
      );
    });
  }

  async #ask(client: RedisClient): Promise<void> {
    const answer: unknown = await client.sendCommand(["CLUSTER", "SLOTS"]);
    this.#options.known(readSlots(answer, this.#endpoints.host));
  }
}
