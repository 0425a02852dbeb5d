import { join } from "node:path";
import { judge } from "../checker/judge.ts";
import type { History } from "../checker/record.ts";
import type { PrivateNetwork } from "../faults/private-network.ts";
import { Findings } from "../findings.ts";
import { Crowd } from "../load/crowd.ts";
import type { Endpoint } from "../load/endpoint.ts";
import { readHistories } from "../load/history.ts";
import { NodesInTurn } from "../load/nodes-in-turn.ts";
import { openGroups } from "../load/open-groups.ts";
import { createWorld, type World, type WorldSize } from "../load/world.ts";
import type { Outcome, RowContext } from "../row.ts";
import { Server, type ServerOptions } from "../server.ts";
import { Services, type ServiceUrls } from "./services.ts";

export interface ClusterOptions extends Partial<WorldSize> {
  /** Where the last one of the nodes lives; by default on the host like the others. */
  readonly network?: PrivateNetwork;
  /** Of what the row has brought in place of a PostgreSQL or a Redis that is alone. */
  readonly services?: Partial<ServiceUrls>;
  /** Of each node. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of each node, which keeps it over its lives; by default each life has another one. */
  readonly ports?: readonly number[];
  /** Where all clients connect; by default each one takes the nodes in turn. */
  readonly entrance?: Endpoint;
}

export const NODES = 3;

const CONNECT_MS = 60_000;
const SETTLE_MS = 60_000;
/** Longer than a node may take to find out by itself that it has missed something. */
const SILENCE_MS = 10_000;
const HEART_BEAT_MS = 1_000;

const SIZE: WorldSize = { pairs: 15, groups: 6, groupMembers: 6, absent: 0 };

const ENVIRONMENT = {
  PARLEY_BACKPLANE: "redis",
  PARLEY_DELIVERY_MODE: "durable",
  PARLEY_REDIS_TIMEOUT_MS: "1000",
  PARLEY_REDIS_RECONNECT_MS: "500",
  PARLEY_SHUTDOWN_RECONNECT_SPREAD_MS: "500",
  // A proxy, and a network, in front of them.
  PARLEY_INSECURE_TRUST_USER_ID: "true",
};

/** Three nodes on one PostgreSQL and one Redis, and a crowd whose users' devices are on all of them. */
export class ClusterScene extends Findings {
  #travels: ReturnType<typeof setInterval> | undefined;

  private constructor(
    readonly context: RowContext,
    readonly world: World,
    readonly services: Services,
    readonly nodes: readonly Server[],
    readonly crowd: Crowd,
  ) {
    super();
  }

  /** Everything runs and everybody is there. */
  static async open(context: RowContext, options: ClusterOptions = {}): Promise<ClusterScene> {
    const { network, services: brought, env, ports, entrance, ...size } = options;
    const { random, resume, folder } = context;
    const world = createWorld({ ...SIZE, ...size }, random);
    const services = await (network === undefined
      ? Services.start(brought)
      : Services.startFor(network));
    await openGroups(services.urls.database, world.groups);
    const nodes = Array.from({ length: NODES }, (_, index) => {
      const own: NodeOptions = { dataDir: join(folder, `node-${index}`), port: ports?.[index] };
      const isInNetwork = network !== undefined && index === NODES - 1;
      return new Server(
        isInNetwork
          ? nodeIn(network, services.urlsIn(network), own, env)
          : nodeOn(services.urls, own, env),
      );
    });
    const crowd = new Crowd({
      ...{ world, random, resume, silenceMs: SILENCE_MS },
      ...{ heartBeatMs: HEART_BEAT_MS, serverHeartBeatMs: HEART_BEAT_MS },
      endpointOf: (index) => entrance ?? new NodesInTurn(nodes, index),
    });
    const scene = new ClusterScene(context, world, services, nodes, crowd);
    try {
      await Promise.all(nodes.map((node) => node.start()));
      crowd.start();
      scene.expect(await crowd.gathered(CONNECT_MS), "not all devices could connect");
      return scene;
    } catch (fault) {
      await scene.abandon();
      throw fault;
    }
  }

  /** Somebody writes, at that rate. */
  beginTraffic(messagesPerSecond: number): void {
    this.crowd.beginTraffic(messagesPerSecond);
  }

  /**
   * So often one device leaves its node without a word, and comes to the next one. Every other
   * device stays where it is as long as it can: what it is not told there it is never told.
   */
  beginTravels(everyMs: number): void {
    const travellers = this.crowd.devices.filter((_, index) => index % 2 === 0);
    this.#travels = setInterval(() => this.context.random.pick(travellers).move(), everyMs);
  }

  /** A node that is new has nobody until some come over. */
  spread(): void {
    for (const device of this.crowd.devices) if (this.context.random.chance(1 / 3)) device.move();
  }

  /** Confirmations so far. */
  get confirmations(): number {
    return this.crowd.ledger.observations.filter(({ kind }) => kind === "confirmed").length;
  }

  /** Throws where there is no such node. */
  node(index: number): Server {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  /** Waits until all is through, and holds the record against what the nodes have. */
  async close(injected: string, times: number): Promise<Outcome> {
    const { crowd } = this;
    clearInterval(this.#travels);
    await crowd.settle(SETTLE_MS);
    const history = await this.#history();
    await crowd.stop();
    for (const [index, node] of this.nodes.entries()) {
      const exitCode = await node.stop();
      this.expect(exitCode === 0, `node ${index} ended with ${exitCode}`);
      this.expectNone(node.complaints, `in the log of node ${index}`);
    }
    this.expectNone(crowd.complaints, "to clients");
    const { faults, confirmed } = judge(crowd.record, history);
    this.expect(confirmed > 0, "nothing was confirmed");
    return {
      ...{ injected, times, confirmed, faults },
      ...{ notes: this.notes, failures: this.failures, p99Ms: crowd.stopwatch.p99Ms },
    };
  }

  /** Nothing that it started stays. */
  async abandon(): Promise<void> {
    clearInterval(this.#travels);
    await this.crowd.stop();
    await Promise.all(this.nodes.map((node) => node.kill()));
    await this.services[Symbol.asyncDispose]();
  }

  /** As every node tells it. */
  async #history(): Promise<History> {
    const { conversations } = this.world;
    const told = await Promise.allSettled(
      this.nodes.map((node) => readHistories(node.address, conversations)),
    );
    const histories = told.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    for (const [index, each] of told.entries()) {
      if (each.status === "rejected") {
        this.fail(`node ${index} does not tell the history: ${each.reason}`);
      }
    }
    const [first, ...others] = histories;
    if (first === undefined) throw new Error("no node tells the history");
    const isSame = others.every((other) => Bun.deepEquals([...other], [...first]));
    this.expect(isSame, "the nodes tell different histories");
    return first;
  }
}

interface NodeOptions {
  readonly dataDir: string;
  readonly port: number | undefined;
}

function nodeOn(
  { database, redis }: ServiceUrls,
  { dataDir, port = 0 }: NodeOptions,
  env: Readonly<Record<string, string>> = {},
): ServerOptions {
  const urls = { PARLEY_DATABASE_URL: database, PARLEY_REDIS_URL: redis };
  return { dataDir, flags: ["--port", String(port)], env: { ...ENVIRONMENT, ...urls, ...env } };
}

function nodeIn(
  network: PrivateNetwork,
  urls: ServiceUrls,
  own: NodeOptions,
  env?: Readonly<Record<string, string>>,
): ServerOptions {
  const options = nodeOn(urls, own, { ...env, PARLEY_HOST: network.address });
  return { ...options, prefix: network.prefix };
}

/** Runs the row's part with a scene, of which nothing stays however it ends. */
export async function withCluster(
  context: RowContext,
  options: ClusterOptions,
  play: (scene: ClusterScene) => Promise<Outcome>,
): Promise<Outcome> {
  const scene = await ClusterScene.open(context, options);
  try {
    return await play(scene);
  } finally {
    await scene.abandon();
  }
}
