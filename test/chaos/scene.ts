import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { judge } from "./checker/judge.ts";
import type { History } from "./checker/record.ts";
import { Findings } from "./findings.ts";
import { Crowd } from "./load/crowd.ts";
import { readHistories } from "./load/history.ts";
import { openGroups } from "./load/open-groups.ts";
import { createWorld, type World, type WorldSize } from "./load/world.ts";
import type { Outcome, RowContext } from "./row.ts";
import { Server, type ServerOptions } from "./server.ts";

export interface SceneOptions extends Partial<WorldSize> {
  /** Under the row's folder by default. */
  readonly dataDir?: string;
  readonly server?: Omit<ServerOptions, "dataDir">;
  /** How often clients promise to send something; 0, which is no promise, by default. */
  readonly heartBeatMs?: number;
}

const CONNECT_MS = 60_000;
const LOOK_EVERY_MS = 50;

const SIZE: WorldSize = { pairs: 12, groups: 4, groupMembers: 5, absent: 0 };

/** What most rows need: a server on a database of its own, and a crowd that talks through it. */
export class Scene extends Findings {
  private constructor(
    readonly context: RowContext,
    readonly world: World,
    readonly server: Server,
    readonly crowd: Crowd,
  ) {
    super();
  }

  /** The server runs and everybody is there. */
  static async open(context: RowContext, options: SceneOptions = {}): Promise<Scene> {
    const {
      dataDir = join(context.folder, "data"),
      server: serverOptions,
      heartBeatMs = 0,
      ...size
    } = options;
    mkdirSync(dataDir, { recursive: true });
    const world = createWorld({ ...SIZE, ...size }, context.random);
    await openGroups(`sqlite:${join(dataDir, "parley.db")}`, world.groups);
    const server = new Server({ ...serverOptions, dataDir });
    const { random, resume } = context;
    const crowd = new Crowd({
      ...{ world, random, resume, heartBeatMs, serverHeartBeatMs: 0 },
      endpointOf: () => server,
    });
    const scene = new Scene(context, world, server, crowd);
    await server.start();
    crowd.start();
    scene.expect(await crowd.gathered(CONNECT_MS), "not all devices could connect");
    return scene;
  }

  /** SIGKILL, and everything that follows for the crowd. */
  async kill(): Promise<void> {
    await this.server.kill();
  }

  /** The next life. */
  async restart(): Promise<void> {
    this.crowd.ledger.add({ kind: "restarted" });
    await this.server.start();
  }

  /** As the server counts them. */
  async connections(): Promise<number> {
    return (await this.server.health())?.activeConnections ?? Number.NaN;
  }

  /** False when the server does not come to have so many in time. */
  async untilConnections(count: number, timeoutMs: number): Promise<boolean> {
    const lateMs = performance.now() + timeoutMs;
    while ((await this.connections()) !== count) {
      if (performance.now() > lateMs) return false;
      await Bun.sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  /** Waits until all is through, and holds the record against what the server has. */
  async close(injected: string, times: number): Promise<Outcome> {
    const { crowd, server, world } = this;
    await crowd.settle();
    const history: History = await readHistories(server.address, world.conversations);
    await crowd.stop();
    const exitCode = await server.stop();
    this.expect(exitCode === 0, `the server ended with ${exitCode}`);
    this.expectNone(crowd.complaints, "to clients");
    this.expectNone(server.complaints, "in its log");
    const { faults, confirmed } = judge(crowd.record, history);
    this.expect(confirmed > 0, "nothing was confirmed");
    return {
      ...{ injected, times, confirmed, faults },
      ...{ notes: this.notes, failures: this.failures },
      p99Ms: crowd.stopwatch.p99Ms,
    };
  }

  /** For a row that cannot go on: nothing that it started stays. */
  async abandon(): Promise<void> {
    await this.crowd.stop();
    await this.server.kill();
  }
}

/** Runs the row's part with a scene, of which nothing stays however it ends. */
export async function withScene(
  context: RowContext,
  options: SceneOptions,
  play: (scene: Scene) => Promise<Outcome>,
): Promise<Outcome> {
  const scene = await Scene.open(context, options);
  try {
    return await play(scene);
  } finally {
    await scene.abandon();
  }
}
