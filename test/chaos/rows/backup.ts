import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../../support/parley-process.ts";
import type { Fault } from "../checker/fault.ts";
import { judgeSnapshot } from "../checker/snapshot.ts";
import { openCopy } from "../faults/opened-copy.ts";
import { readHistories } from "../load/history.ts";
import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";
import { Server } from "../server.ts";

const MESSAGES_PER_SECOND = 400;

/** Of the record, the parts that a backup is held against. */
interface Backup {
  readonly file: string;
  /** What was confirmed before it began is in it. */
  readonly confirmedBy: number;
  /** What was sent until it ended may be. */
  readonly sentBy: number;
}

export const backup: Row = {
  name: "backup",
  what: "parley backup in mid-load, each copy opened, one restored and served",
  run(context) {
    const times = scaled(context.scale, { full: 15, quick: 4, short: 2 });
    return withScene(context, {}, async (scene) => {
      const { crowd } = scene;
      crowd.beginTraffic(MESSAGES_PER_SECOND);
      const backups: Backup[] = [];
      for (let time = 0; time < times; time += 1) {
        await Bun.sleep(context.random.between(100, 500));
        backups.push(await backUp(scene, `backup-${time}.db`));
      }
      crowd.endTraffic(); // Looking at the copies takes the clients' time.
      const faults: Fault[] = [];
      for (const { file, confirmedBy, sentBy } of backups) {
        const { history, failures } = await openCopy(file, scene.world.conversations);
        for (const failure of failures) scene.fail(`${file}: ${failure}`);
        faults.push(...judgeSnapshot(crowd.record, confirmedBy, sentBy, history));
      }
      const last = backups.at(-1);
      if (last !== undefined) faults.push(...(await serveRestored(scene, last)));
      const outcome = await scene.close("backups", times);
      return { ...outcome, faults: [...faults, ...outcome.faults] };
    });
  },
};

async function backUp(scene: Scene, name: string): Promise<Backup> {
  const { observations } = scene.crowd.ledger;
  const file = join(scene.context.folder, name);
  const confirmedBy = observations.length;
  await run(["backup", file, "--data-dir", scene.server.dataDir]);
  return { file, confirmedBy, sentBy: observations.length };
}

/** The copy, put in the place of a database that there was not, and served by a second server. */
async function serveRestored(scene: Scene, { file, ...upTo }: Backup): Promise<Fault[]> {
  const { context, world, crowd } = scene;
  const dataDir = join(context.folder, "restored");
  mkdirSync(dataDir);
  await run(["restore", file, "--data-dir", dataDir]);
  const server = new Server({ dataDir });
  await server.start();
  try {
    const history = await readHistories(server.address, world.conversations);
    return judgeSnapshot(crowd.record, upTo.confirmedBy, upTo.sentBy, history);
  } finally {
    await server.stop();
  }
}

async function run(args: readonly string[]): Promise<void> {
  const child = Bun.spawn([BINARY, ...args], {
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [exitCode, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (exitCode !== 0) throw new Error(`parley ${args[0]} ended with ${exitCode}: ${errors}`);
}
