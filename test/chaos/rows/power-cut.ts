import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault } from "../checker/fault.ts";
import { judgeSnapshot } from "../checker/snapshot.ts";
import { openCopy } from "../faults/opened-copy.ts";
import { whileSuspended } from "../faults/suspended.ts";
import { checkpointedFrames, endOf, type WalState, walState } from "../faults/wal-file.ts";
import { type Row, scaled } from "../row.ts";
import { type Scene, withScene } from "../scene.ts";

const MESSAGES_PER_SECOND = 250;
const FILE = "parley.db";
const DRAIN_MS = 10;

/**
 * What a power cut leaves is what the disk has at that moment: at the least all that was
 * synchronized, at the most all that was written, and anything between, torn in the middle of a page.
 */
export const powerCut: Row = {
  name: "power-cut",
  what: "the files as a power cut leaves them, whole and with a torn tail",
  run(context) {
    const snapshots = scaled(context.scale, { full: 110, quick: 12, short: 4 });
    return withScene(context, {}, async (scene) => {
      const cuts = new PowerCuts(scene);
      scene.crowd.beginTraffic(MESSAGES_PER_SECOND);
      for (let round = 0; round < snapshots; round += 1) {
        await cuts.cut();
        if (round % 25 === 24) context.progress(`${round + 1} snapshots`);
      }
      scene.note(`${cuts.torn} of the copies had a torn tail as well`);
      scene.expect(cuts.torn > 0, "no copy could be given a torn tail");
      const outcome = await scene.close("power cuts", snapshots + cuts.torn);
      // The server stood still, and so did the clients while they looked at copies.
      return { ...outcome, faults: [...cuts.faults, ...outcome.faults], p99Ms: null };
    });
  },
};

/** Where the record and the log stood at one moment. */
interface Mark {
  readonly place: number;
  readonly wal: WalState | null;
}

class PowerCuts {
  readonly faults: Fault[] = [];
  torn = 0;
  readonly #scene: Scene;
  #copies = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** One snapshot, looked at as it is and, where that is fair, with its tail torn. */
  async cut(): Promise<void> {
    const { server, context, crowd } = this.#scene;
    const { random } = context;
    await Bun.sleep(random.between(0, 100));
    const before = this.#mark();
    await Bun.sleep(random.between(20, 200));
    this.#copies += 1;
    const folder = join(context.folder, `copy-${this.#copies}`);
    mkdirSync(folder);
    const place = await whileSuspended(server.pid, async () => {
      for (const suffix of ["", "-wal", "-shm"]) {
        copyFileSync(join(server.dataDir, FILE + suffix), join(folder, FILE + suffix));
      }
      await Bun.sleep(DRAIN_MS); // What the server had sent is confirmed, though it is on its way.
      return crowd.ledger.observations.length;
    });
    const checkpointed = checkpointedFrames(join(folder, `${FILE}-shm`));
    rmSync(join(folder, `${FILE}-shm`)); // Memory, which no power cut leaves.
    const tornFolder = this.#tear(folder, before, checkpointed);
    await this.#check(folder, place, place);
    if (tornFolder !== null) {
      this.torn += 1;
      await this.#check(tornFolder, before.place, place);
    }
  }

  #mark(): Mark {
    const { crowd, server } = this.#scene;
    const place = crowd.ledger.observations.length; // First: what is confirmed is written.
    return { place, wal: walState(join(server.dataDir, `${FILE}-wal`)) };
  }

  /**
   * A copy whose log ends at a random byte behind what was there at the mark, with garbage to the
   * end of that frame. Null where the log was begun anew since, or later frames are in the database
   * already: they had been synchronized, and no power cut tears them.
   */
  #tear(folder: string, { wal }: Mark, checkpointed: number): string | null {
    const now = walState(join(folder, `${FILE}-wal`));
    if (wal === null || now === null || now.salts !== wal.salts) return null;
    if (now.frames <= wal.frames || checkpointed > wal.frames) return null;
    const { random } = this.#scene.context;
    const tornFolder = `${folder}-torn`;
    mkdirSync(tornFolder);
    copyFileSync(join(folder, FILE), join(tornFolder, FILE));
    const log = readFileSync(join(folder, `${FILE}-wal`));
    const at = random.between(endOf(wal), endOf(now) - 1);
    const rest = now.frameBytes - ((at - endOf(wal)) % now.frameBytes);
    const tail = random.chance(2 / 3) ? random.bytes(rest) : Buffer.alloc(0);
    writeFileSync(join(tornFolder, `${FILE}-wal`), Buffer.concat([log.subarray(0, at), tail]));
    return tornFolder;
  }

  async #check(folder: string, confirmedBy: number, sentBy: number): Promise<void> {
    const { crowd, world } = this.#scene;
    const { history, failures } = await openCopy(join(folder, FILE), world.conversations);
    for (const failure of failures) this.#scene.fail(`copy ${this.#copies}: ${failure}`);
    this.faults.push(...judgeSnapshot(crowd.record, confirmedBy, sentBy, history));
    rmSync(folder, { recursive: true });
  }
}
