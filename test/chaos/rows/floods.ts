import { join } from "node:path";
import { rssBytesOf } from "../../../bench/load/server-usage.ts";
import { pinnedTo } from "../../../bench/machine.ts";
import {
  type Attack,
  type AttackCommand,
  CONNECTS_PER_SECOND,
  HEADS_PER_SECOND,
  MESSAGES_PER_SECOND,
  SLOW_CONNECTIONS,
  type Tally,
  tallySchema,
} from "../faults/attackers.ts";
import { Helper } from "../faults/helper.ts";
import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";

const ATTACKERS = join(import.meta.dir, "../faults/attackers.ts");

/** Of healthy users. */
const TRAFFIC_PER_SECOND = 300;
const SETTLE_MS = 400;
const MEASURE_MS = 1_200;
/** The engine takes up to 12 s to close a connection whose first request does not come. */
const PATIENCE_MS = 16_000;
const LOOK_EVERY_MS = 250;

const MOST_RATIO = 2;
/** What a flood may cost of memory, and what a collector takes before it gives. */
const MOST_GROWTH_BYTES = 96 * 2 ** 20;

/** What a server behind a proxy on this machine would have, with shorter times. */
const ENVIRONMENT = {
  PARLEY_PROXY_TRUSTED: "127.0.0.1",
  PARLEY_INSECURE_TRUST_USER_ID: "true",
  PARLEY_LIMITS_MESSAGES_PER_SECOND: "100",
  PARLEY_LIMITS_CONNECTS_BURST: "100",
  PARLEY_LIMITS_CONNECT_MS: "1000",
  PARLEY_LIMITS_REQUEST_MS: "2000",
};

interface Flood {
  readonly name: string;
  readonly what: string;
  readonly attack: Attack;
  /** A second, or at a time. */
  readonly injected: string;
  /** By which of the tally's entries the flood is seen to be refused. */
  readonly refusedAs: string;
}

const FLOODS: readonly Flood[] = [
  {
    name: "connect-flood",
    what: "an address that opens WebSockets far faster than it may",
    attack: "connects",
    injected: `connects at ${CONNECTS_PER_SECOND}/s`,
    refusedAs: "HTTP/1.1 429",
  },
  {
    name: "message-flood",
    what: "a user who sends far faster than a user may",
    attack: "messages",
    injected: `messages at ${MESSAGES_PER_SECOND}/s`,
    refusedAs: '"code":"RATE_LIMITED"',
  },
  {
    name: "header-bomb",
    what: "requests with headers of 64 KiB",
    attack: "heads",
    injected: `heads at ${HEADS_PER_SECOND}/s`,
    refusedAs: "HTTP/1.1 431",
  },
  {
    name: "slow-handshakes",
    what: "connections whose first request comes byte by byte",
    attack: "handshakes",
    injected: `slow handshakes, ${SLOW_CONNECTIONS} at a time`,
    refusedAs: "closed by the server",
  },
  {
    name: "slow-connects",
    what: "WebSockets whose CONNECT comes byte by byte",
    attack: "CONNECTs",
    injected: `slow CONNECTs, ${SLOW_CONNECTIONS} at a time`,
    refusedAs: "code:CONNECT_TIMEOUT",
  },
  {
    name: "slow-uploads",
    what: "uploads that come byte by byte",
    attack: "uploads",
    injected: `slow uploads, ${SLOW_CONNECTIONS} at a time`,
    refusedAs: "closed by the server",
  },
];

export const floods: readonly Row[] = FLOODS.map((flood) => ({
  name: flood.name,
  what: `${flood.what}, and healthy users beside it`,
  run(context) {
    const count = scaled(context.scale, { full: 8, quick: 1, short: 1 });
    const server = { env: ENVIRONMENT, prefix: pinnedTo("server") };
    return withScene(context, { pairs: 20, groups: 0, server }, async (scene) => {
      scene.crowd.beginTraffic(TRAFFIC_PER_SECOND);
      const prefix = pinnedTo("client");
      const attackers = await Helper.startWith<AttackCommand>(prefix, ATTACKERS);
      const comparison = new Comparison(scene, attackers, flood);
      try {
        await comparison.run(count);
      } finally {
        await attackers.end();
      }
      // A shorter run is no measurement.
      if (context.scale === "full") comparison.expectFair();
      comparison.expectBounded();
      return scene.close(flood.injected, comparison.refused);
    });
  },
}));

/** p99 of healthy users, in milliseconds. */
interface Latency {
  readonly toReceipt: number;
  readonly toSent: number;
}

/** Turns with and without the flood, in one server. */
class Comparison {
  /** What the flood was told, so often. */
  refused = 0;
  readonly #scene: Scene;
  readonly #attackers: Helper<AttackCommand>;
  readonly #flood: Flood;
  readonly #rounds: { readonly without: Latency; readonly beside: Latency }[] = [];
  #rssBefore = 0;
  #rssPeak = 0;

  constructor(scene: Scene, attackers: Helper<AttackCommand>, flood: Flood) {
    this.#scene = scene;
    this.#attackers = attackers;
    this.#flood = flood;
  }

  async run(count: number): Promise<void> {
    const { pid, port } = this.#scene.server.process;
    const { attack, refusedAs } = this.#flood;
    const total: Record<string, number> = {};
    await this.#measure(); // Warm, so that what it then grows by is the flood's.
    this.#rssBefore = rssBytesOf(pid);
    for (let round = 0; round < count; round += 1) {
      const without = await this.#measure();
      await this.#attackers.ask({ attack, port });
      const beside = await this.#measure();
      this.#rssPeak = Math.max(this.#rssPeak, rssBytesOf(pid));
      if (round === count - 1) await this.#untilRefused();
      for (const [what, times] of Object.entries(
        tallySchema.parse(await this.#attackers.ask("stop")),
      )) {
        total[what] = (total[what] ?? 0) + times;
      }
      this.#rounds.push({ without, beside });
      this.#scene.context.progress(`p99 without ${shown(without)} ms, beside ${shown(beside)} ms`);
    }
    this.#rssPeak = Math.max(this.#rssPeak, rssBytesOf(pid));
    this.refused = total[refusedAs] ?? 0;
    this.#scene.expect(this.refused > 0, `the flood was never refused: no ${refusedAs}`);
    this.#scene.note(`what became of it: ${listed(total)}`);
  }

  expectFair(): void {
    const ratioOf = (part: keyof Latency) =>
      median(this.#rounds.map(({ without, beside }) => beside[part] / without[part]));
    const [toSent, toReceipt] = [ratioOf("toSent"), ratioOf("toReceipt")];
    this.#scene.note(
      `p99 of healthy users beside it, as a ratio to that without, the median of ${this.#rounds.length} rounds: send → SENT ${toSent.toFixed(2)}, send → receipt ${toReceipt.toFixed(2)}`,
    );
    this.#scene.expect(toSent <= MOST_RATIO, `the ratio of send → SENT is above ${MOST_RATIO}`);
    this.#scene.expect(toReceipt <= MOST_RATIO, `that of send → receipt is above ${MOST_RATIO}`);
  }

  expectBounded(): void {
    const growth = this.#rssPeak - this.#rssBefore;
    this.#scene.note(
      `server RSS ${mebibytes(this.#rssBefore)} → ${mebibytes(this.#rssPeak)} MiB, allowed is a growth of ${mebibytes(MOST_GROWTH_BYTES)}`,
    );
    this.#scene.expect(growth <= MOST_GROWTH_BYTES, "the flood costs more memory than it may");
  }

  async #untilRefused(): Promise<void> {
    const lateMs = performance.now() + PATIENCE_MS;
    while (performance.now() < lateMs) {
      const tally: Tally = tallySchema.parse(await this.#attackers.ask("tell"));
      if ((tally[this.#flood.refusedAs] ?? 0) > 0) return;
      await Bun.sleep(LOOK_EVERY_MS);
    }
  }

  async #measure(): Promise<Latency> {
    const { stopwatch, sentStopwatch } = this.#scene.crowd;
    await Bun.sleep(SETTLE_MS);
    stopwatch.reset();
    sentStopwatch.reset();
    await Bun.sleep(MEASURE_MS);
    const [toReceipt, toSent] = [stopwatch.p99Ms, sentStopwatch.p99Ms];
    return { toReceipt: toReceipt ?? Number.NaN, toSent: toSent ?? Number.NaN };
  }
}

function shown({ toSent, toReceipt }: Latency): string {
  return `${toSent.toFixed(1)} (SENT), ${toReceipt.toFixed(1)} (receipt)`;
}

function listed(tally: Tally): string {
  return Object.entries(tally)
    .map(([what, times]) => `${times} ${what}`)
    .join(", ");
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper;
}
