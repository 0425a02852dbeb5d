import { type ParleyProcess, startParley } from "./parley-process.ts";
import { connectStock, type StockClient, type Via } from "./stock-client.ts";

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

/** Two nodes, `one` and `two`, of which users of the one have been heard on the other by this URL. */
export async function nodesThatHear(
  url: string,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly [ParleyProcess, ParleyProcess]> {
  const nodes = await Promise.all([startNode(url, "one", env), startNode(url, "two", env)]);
  const sender = await connectStock(nodes[0], "anna");
  const listener = await Listener.on(nodes[1], "ben");
  await listener.listen("/topic/x", sender);
  await listener.listen("/topic/y.*", sender, "/topic/y.1");
  await sender.close();
  await listener.client.close();
  return nodes;
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
