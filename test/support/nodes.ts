import { type ParleyProcess, startParley } from "./parley-process.ts";
import { connectStock, joinStock, type StockClient, type Via } from "./stock-client.ts";

/** A node of an installation whose nodes speak by this Redis, RabbitMQ or NATS. */
export function startNode(
  url: string,
  nodeId: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ParleyProcess> {
  const by = /^stomps?:/.test(url) ? "rabbitmq" : /^(?:nats|tls):/.test(url) ? "nats" : "redis";
  const name = `PARLEY_${by.toUpperCase()}`;
  return startParley({
    env: {
      ...{ PARLEY_BACKPLANE: by, PARLEY_NODE_ID: nodeId, [`${name}_URL`]: url },
      ...{ [`${name}_TIMEOUT_MS`]: "1000", [`${name}_RECONNECT_MS`]: "200" },
      ...(by === "rabbitmq" && { PARLEY_RABBITMQ_HEARTBEAT_MS: "1000" }),
      ...env,
    },
  });
}

/** A node, or its place among those that were started. */
export type NodeOrIndex = ParleyProcess | number;

/** Nodes of one installation, and the clients that are connected to them: all end with it. */
export class Installation {
  readonly nodes: ParleyProcess[] = [];
  readonly clients: StockClient[] = [];

  private constructor(
    readonly url: string,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** @param url of the Redis, RabbitMQ or NATS by which they speak */
  static async start(
    url: string,
    ids: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Installation> {
    const installation = new Installation(url, env);
    const started = await Promise.all(ids.map((id) => startNode(url, id, env)));
    installation.nodes.push(...started);
    return installation;
  }

  /** One more, which may differ from the others. */
  async add(
    id: string,
    {
      url = this.url,
      env = this.env,
    }: { url?: string; env?: Readonly<Record<string, string>> } = {},
  ): Promise<ParleyProcess> {
    const node = await startNode(url, id, env);
    this.nodes.push(node);
    return node;
  }

  /** As by SIGKILL; it is no more among the nodes. */
  async kill(node: ParleyProcess): Promise<void> {
    this.nodes.splice(this.nodes.indexOf(node), 1);
    await node.kill();
  }

  node(at: NodeOrIndex): ParleyProcess {
    const found = typeof at === "number" ? this.nodes[at] : at;
    if (found === undefined) throw new TypeError("no such node");
    return found;
  }

  /** A client without subscriptions. */
  async connect(at: NodeOrIndex, userId: string): Promise<StockClient> {
    return this.#keep(await connectStock(this.node(at), userId));
  }

  /** A client with the usual subscriptions. */
  async join(at: NodeOrIndex, userId: string): Promise<StockClient> {
    return this.#keep(await joinStock(this.node(at), userId));
  }

  async listener(at: NodeOrIndex, userId: string, via?: Via): Promise<Listener> {
    const listener = await Listener.on(this.node(at), userId, via);
    this.#keep(listener.client);
    return listener;
  }

  /** Topics cross from the first node to the second one, also to wildcards. */
  async assertTopicsCross(): Promise<void> {
    const sender = await this.connect(0, "anna");
    const listener = await this.listener(1, "ben");
    await listener.listen("/topic/x", sender);
    await listener.listen("/topic/y.*", sender, "/topic/y.1");
  }

  /** Fails if a node does not end in order. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) await client.close();
    const codes = await Promise.all(this.nodes.map((node) => node.stop()));
    if (codes.some((code) => code !== 0)) throw new Error(`nodes ended with ${codes}`);
  }

  #keep(client: StockClient): StockClient {
    this.clients.push(client);
    return client;
  }
}

/** Until the node has logged it; fails after 20 s. */
export async function untilLogged(node: ParleyProcess, text: string): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  while (!node.log().includes(text)) {
    if (late.aborted) throw new Error(`not logged: ${text}`);
    await fetch(`${node.url}/readyz`);
  }
}

/** Until the node's health says so of its connection with the others; fails after 20 s. */
export async function untilBackplane(
  node: ParleyProcess,
  state: "CONNECTED" | "DISCONNECTED",
): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  for (;;) {
    const { backplane } = await healthOf(node);
    if (backplane === state) return;
    if (late.aborted) throw new Error(`the node is ${backplane}`);
  }
}

/** The health document, which is told with status 200 whatever it says. */
export async function healthOf(node: ParleyProcess): Promise<Record<string, unknown>> {
  const response = await fetch(`${node.url}/api/websocket/health`);
  if (response.status !== 200) throw new Error(`health answers ${response.status}`);
  return (await response.json()) as Record<string, unknown>;
}

export interface Heard {
  readonly destination: string;
  readonly body: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A stock client that keeps whole messages. */
export class Listener {
  readonly heard: Heard[] = [];

  private constructor(readonly client: StockClient) {}

  static async on(server: ParleyProcess, userId: string, via: Via = "websocket") {
    return new Listener(await connectStock(server, userId, { via }));
  }

  /** Subscribes, and resolves when what `from` sends to the topic arrives here. */
  async listen(destination: string, from: StockClient, topic = destination): Promise<void> {
    let isHeard = false;
    this.client.stomp.subscribe(destination, ({ headers, body, binaryBody }) => {
      if (headers.probe === undefined) {
        const { destination: sentTo = "" } = headers;
        this.heard.push({ destination: sentTo, body, bytes: binaryBody, headers: { ...headers } });
      } else isHeard ||= headers.probe === destination;
      this.client.note();
    });
    await this.hears(() => isHeard, destination, from, topic);
  }

  private async hears(
    isHeard: () => boolean,
    probe: string,
    from: StockClient,
    topic: string,
  ): Promise<void> {
    const late = AbortSignal.timeout(20_000);
    while (!isHeard()) {
      if (late.aborted) throw new Error(`${topic} is not heard`);
      from.stomp.publish({ destination: topic, body: "", headers: { probe } });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async count(count: number): Promise<readonly Heard[]> {
    await this.client.until(() => this.heard.length >= count, `${count} messages`);
    return this.heard;
  }
}
