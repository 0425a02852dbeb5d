import { join } from "node:path";
import { rssBytesOf } from "../../../bench/load/server-usage.ts";
import type { DeafCommand } from "../faults/deaf-peers.ts";
import { Helper } from "../faults/helper.ts";
import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";

const DEAF_PEERS = join(import.meta.dir, "../faults/deaf-peers.ts");
const MESSAGES_PER_SECOND = 400;

/** Of what each slow reader is owed from the beginning: more than the kernel takes for it. */
const BACKLOG_MESSAGES = 8;
const MESSAGE_LENGTH = 16_000;
/** And what comes live, to all of them together. */
const TO_SLOW_PER_SECOND = 100;

/** The default. */
const BLOCKED_MS = 20_000;
const SETTLE_MS = 1_000;
const MEASURE_MS = 2_500;
const PATIENCE_MS = 30_000;

const MOST_RATIO = 1.2;
/**
 * A connection's send buffer and the live messages that are held for it while it catches up; and what
 * a collector takes before it gives.
 */
const BYTES_EACH = (512 + 128) * 2 ** 10;
const SLACK_BYTES = 256 * 2 ** 20;
/** How many of them return, to see that they get everything. */
const RETURNING = 25;

export const slowReaders: Row = {
  name: "slow-readers",
  what: "connections that stop reading while messages go to them, and healthy users beside them",
  run(context) {
    const absent = scaled(context.scale, { full: 1_000, quick: 200, short: 50 });
    const count = scaled(context.scale, { full: 9, quick: 2, short: 1 });
    return withScene(context, { pairs: 20, groups: 0, absent }, async (scene) => {
      const { crowd, world } = scene;
      await writeBacklog(scene);
      const deaf = await Helper.start<DeafCommand>(DEAF_PEERS);
      try {
        crowd.beginTraffic(MESSAGES_PER_SECOND);
        crowd.beginTraffic(TO_SLOW_PER_SECOND, () => {
          crowd.writeTo(context.random.pick(world.withAbsent), MESSAGE_LENGTH);
        });
        const rounds = await new Comparison(scene, deaf).run(count);
        const ratio = median(rounds.map(({ without, withSlow }) => withSlow / without));
        const listed = (values: readonly number[]) => values.map((ms) => ms.toFixed(1)).join(", ");
        scene.note(
          `p99 of healthy users, round by round: ${listed(rounds.map((round) => round.without))} ms without, ${listed(rounds.map((round) => round.withSlow))} ms with ${absent} slow readers; the median ratio is ${ratio.toFixed(2)}`,
        );
        // A shorter run is no measurement.
        const isMeasured = context.scale === "full";
        scene.expect(!isMeasured || ratio <= MOST_RATIO, `the ratio is above ${MOST_RATIO}`);
      } finally {
        await deaf.end();
      }
      for (const device of crowd.absent.slice(0, RETURNING)) device.start();
      return scene.close("slow readers", (count + 1) * absent);
    });
  },
};

async function writeBacklog(scene: Scene): Promise<void> {
  const { crowd, world } = scene;
  for (let written = 0; written < BACKLOG_MESSAGES; written += 1) {
    for (const conversation of world.withAbsent) {
      crowd.writeTo(conversation, MESSAGE_LENGTH);
      if (crowd.unconfirmed > 100) await crowd.until(() => crowd.unconfirmed < 50, PATIENCE_MS);
    }
  }
}

/** The p99 of healthy users in two turns, one right after the other. */
interface Round {
  readonly without: number;
  readonly withSlow: number;
}

/** Turns with and without slow readers, in one server. */
class Comparison {
  readonly #scene: Scene;
  readonly #deaf: Helper<DeafCommand>;

  constructor(scene: Scene, deaf: Helper<DeafCommand>) {
    this.#scene = scene;
    this.#deaf = deaf;
  }

  async run(count: number): Promise<Round[]> {
    const scene = this.#scene;
    const healthy = await scene.connections();
    const rssBefore = rssBytesOf(scene.server.pid);
    let rssPeak = rssBefore;
    const rounds: Round[] = [];
    for (let at = 0; at < count; at += 1) {
      const without = await this.#measure();
      await this.#connect(healthy);
      const withSlow = await this.#measure();
      const rss = rssBytesOf(scene.server.pid);
      rssPeak = Math.max(rssPeak, rss);
      rounds.push({ without, withSlow });
      scene.context.progress(
        `p99 without ${without.toFixed(1)} ms, with ${withSlow.toFixed(1)} ms; server RSS ${mebibytes(rss)} MiB`,
      );
      await this.#deaf.ask("hang up");
      scene.expect(await scene.untilConnections(healthy, PATIENCE_MS), "a hung up peer stays");
    }
    await this.#connect(healthy);
    scene.expect(
      await scene.untilConnections(healthy, BLOCKED_MS + PATIENCE_MS),
      "the slow readers were not closed",
    );
    this.#expectBounded(rssBefore, rssPeak);
    return rounds;
  }

  #expectBounded(rssBefore: number, rssPeak: number): void {
    this.#scene.note(`server RSS ${mebibytes(rssBefore)} → ${mebibytes(rssPeak)} MiB`);
    this.#scene.expect(
      rssPeak - rssBefore <= this.#scene.world.absentIds.size * BYTES_EACH + SLACK_BYTES,
      "the server holds more memory than its send buffers may",
    );
  }

  async #connect(healthy: number): Promise<void> {
    const { world, server } = this.#scene;
    const { port } = server.process;
    const userIds = [...world.absentIds];
    await this.#deaf.ask({ port, userIds, heartBeat: "0,0", sync: null });
    const connected = (await this.#scene.connections()) - healthy;
    this.#scene.expect(connected === userIds.length, `${connected} slow readers were there`);
  }

  async #measure(): Promise<number> {
    const { stopwatch } = this.#scene.crowd;
    await Bun.sleep(SETTLE_MS);
    stopwatch.reset();
    await Bun.sleep(MEASURE_MS);
    return stopwatch.p99Ms ?? Number.NaN;
  }
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
