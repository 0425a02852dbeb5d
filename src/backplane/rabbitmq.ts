import type { Backplane, BackplaneCounts, BackplaneListener } from "../broker/backplane.ts";
import { parseRabbitMqUrl } from "../config/rabbitmq-url.ts";
import type { Frame } from "../stomp/frame.ts";
import { KeptConnection, reasonOf } from "./kept-connection.ts";
import { NodeReports } from "./node-reports.ts";
import { Prefixes } from "./prefixes.ts";
import { RabbitMqBindings } from "./rabbitmq-bindings.ts";
import { RabbitMqMessages } from "./rabbitmq-messages.ts";
import { prefixDestinations, routeOf } from "./rabbitmq-routes.ts";
import { Repetitions } from "./repetitions.ts";
import { type ServerBackplaneOptions, targetOf } from "./server-options.ts";
import { StompLink } from "./stomp-link.ts";

/** So many destinations that nobody wants any more may be left in RabbitMQ. */
const MOST_STALE = 4_096;

/** For the URL see `parseRabbitMqUrl`. */
export interface RabbitMqBackplaneOptions extends ServerBackplaneOptions {
  readonly heartbeatMs: number;
}

/**
 * Nodes that publish and subscribe in RabbitMQ, by its STOMP port: a connection for what goes out, and
 * one for what comes in. Each heals without the other; RabbitMQ holds up those that publish when its
 * memory or disk is full. Topics are RabbitMQ's own, see `RabbitMqMessages`.
 */
export class RabbitMqBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly #pendingLimit: number;
  readonly #reports: NodeReports;
  readonly #messages: RabbitMqMessages;
  readonly #repetitions = new Repetitions();
  readonly #channels = new Set<string>();
  readonly #prefixes = new Prefixes();
  readonly #bindings: RabbitMqBindings;
  readonly #publishing: KeptConnection<StompLink>;
  readonly #subscribing: KeptConnection<StompLink>;
  #publisher: StompLink | null = null;
  #subscriber: StompLink | null = null;

  /** Throws INVALID_CONFIGURATION for what is no URL of a RabbitMQ. */
  constructor(options: RabbitMqBackplaneOptions) {
    const { nodeId, url, pendingBytes, heartbeatMs, ...common } = options;
    const target = targetOf(url, "rabbitmq.url", parseRabbitMqUrl);
    this.#pendingLimit = pendingBytes;
    this.nodeId = nodeId;
    this.#reports = new NodeReports(target.passcode);
    this.#messages = new RabbitMqMessages(nodeId);
    this.#bindings = new RabbitMqBindings({
      queuePrefix: `parley.${nodeId}.${this.#messages.run}`,
      failed: (link, fault) => this.#subscribing.fail(link, reasonOf(fault)),
    });
    const { clock } = common;
    const received = (frame: Frame) => this.#received(frame);
    const sent = (messages: number) => {
      this.#reports.counts.out += messages;
    };
    const shared = {
      ...common,
      newClient: async () => new StompLink({ target, heartbeatMs, clock, received, sent }),
      probe: async (link: StompLink) => link.assertAlive(),
      settle: (link: StompLink) => link.receipted("DISCONNECT", []),
    };
    this.#publishing = new KeptConnection<StompLink>({
      ...shared,
      prepare: async () => {},
      ready: (link, isAgain) => {
        this.#publisher = link;
        this.#reports.ready(isAgain, this.isConnected);
      },
      lost: (reason) => {
        this.#reports.counts.dropped += this.#publisher?.unsent ?? 0;
        this.#publisher = null;
        this.#reports.lost(reason);
      },
    });
    this.#subscribing = new KeptConnection<StompLink>({
      ...shared,
      prepare: (link) => this.#bindings.restore(link),
      ready: (link, isAgain) => {
        this.#subscriber = link;
        this.#reports.ready(isAgain, this.isConnected);
        if (isAgain) this.#reports.gap();
      },
      lost: (reason) => {
        this.#subscriber = null;
        this.#bindings.lost();
        this.#reports.lost(reason);
      },
    });
  }

  get counts(): BackplaneCounts {
    return this.#reports.counts;
  }

  get isConnected(): boolean {
    return this.#publishing.isReady && this.#subscribing.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#reports.begin(listener);
    this.#publishing.open();
    this.#subscribing.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const link = this.#publisher;
    if (link === null || link.pendingBytes + payload.length > this.#pendingLimit) {
      this.#reports.counts.dropped += 1;
      return;
    }
    const { headers, body } = this.#messages.encode(channel, payload);
    link.send("SEND", headers, body);
  }

  subscribe(channel: string): void {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    const confirmed = () => {
      if (this.#channels.has(channel)) this.#reports.subscribed(channel);
    };
    this.#bindings.add(routeOf(channel).destination, confirmed);
  }

  unsubscribe(channel: string): void {
    if (!this.#channels.delete(channel)) return;
    this.#bindings.remove(routeOf(channel).destination);
    this.#renewIfStale();
  }

  subscribePrefix(prefix: string): void {
    if (this.#prefixes.has(prefix)) return;
    this.#prefixes.add(prefix);
    for (const destination of prefixDestinations(prefix)) this.#bindings.add(destination, () => {});
  }

  unsubscribePrefix(prefix: string): void {
    if (!this.#prefixes.has(prefix)) return;
    this.#prefixes.delete(prefix);
    for (const destination of prefixDestinations(prefix)) this.#bindings.remove(destination);
    this.#renewIfStale();
  }

  async close(): Promise<void> {
    this.#reports.end();
    await Promise.all([this.#publishing.close(), this.#subscribing.close()]);
    this.#publisher = null;
  }

  #received(frame: Frame): void {
    if (!this.#reports.isHeard) return;
    const arrival = this.#messages.decode(frame);
    if (arrival === null) {
      this.#reports.counts.invalid += 1;
      return;
    }
    const { channel, origin, mark, payload } = arrival;
    if (!this.#channels.has(channel) && !this.#prefixes.cover(channel)) return;
    if (mark !== null) {
      const { run, number } = mark;
      if (run === this.#messages.run || this.#repetitions.has(run, number)) return;
    }
    this.#reports.received(origin, channel, payload);
  }

  #renewIfStale(): void {
    const { stale, wanted } = this.#bindings;
    if (this.#subscriber === null || stale < MOST_STALE || stale < 4 * wanted) return;
    this.#subscribing.fail(this.#subscriber, "the subscriptions are renewed");
  }
}
