import type { Backplane, BackplaneListener } from "../broker/backplane.ts";
import type { Clock } from "../clock.ts";
import { parseRabbitMqUrl, type RabbitMqTarget } from "../config/rabbitmq-url.ts";
import { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import { KeptConnection, reasonOf } from "./kept-connection.ts";
import { Prefixes } from "./prefixes.ts";
import { RabbitMqBindings } from "./rabbitmq-bindings.ts";
import { RabbitMqMessages } from "./rabbitmq-messages.ts";
import { prefixDestinations, routeOf } from "./rabbitmq-routes.ts";
import { Repetitions } from "./repetitions.ts";
import { StompLink } from "./stomp-link.ts";

/** So many destinations that nobody wants any more may be left in RabbitMQ. */
const MOST_STALE = 4_096;

export interface RabbitMqBackplaneOptions {
  readonly nodeId: string;
  /** See `parseRabbitMqUrl`. */
  readonly url: string;
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
  readonly reconnectMs: number;
  readonly pendingBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Nodes that publish and subscribe in RabbitMQ, by its STOMP port: a connection for what goes out, and
 * one for what comes in. Each heals without the other; RabbitMQ holds up those that publish when its
 * memory or disk is full. Topics are RabbitMQ's own, see `RabbitMqMessages`.
 */
export class RabbitMqBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly #target: RabbitMqTarget;
  readonly #pendingLimit: number;
  readonly #messages: RabbitMqMessages;
  readonly #repetitions = new Repetitions();
  readonly #channels = new Set<string>();
  readonly #prefixes = new Prefixes();
  readonly #bindings: RabbitMqBindings;
  readonly #publishing: KeptConnection<StompLink>;
  readonly #subscribing: KeptConnection<StompLink>;
  #publisher: StompLink | null = null;
  #subscriber: StompLink | null = null;
  #listener: BackplaneListener | null = null;
  /** undefined until there is something to tell. */
  #told: string | null | undefined;

  /** Throws INVALID_CONFIGURATION for what is no URL of a RabbitMQ. */
  constructor(options: RabbitMqBackplaneOptions) {
    const { nodeId, url, pendingBytes, heartbeatMs, ...common } = options;
    const target = parseRabbitMqUrl(url);
    if (target === null) {
      throw new AppError("INVALID_CONFIGURATION", "rabbitmq.url has a wrong value");
    }
    this.#target = target;
    this.#pendingLimit = pendingBytes;
    this.nodeId = nodeId;
    this.#messages = new RabbitMqMessages(nodeId);
    this.#bindings = new RabbitMqBindings({
      queuePrefix: `parley.${nodeId}.${this.#messages.run}`,
      failed: (link, fault) => this.#subscribing.fail(link, reasonOf(fault)),
    });
    const { clock } = common;
    const received = (frame: Frame) => this.#received(frame);
    const shared = {
      ...common,
      newClient: async () => new StompLink({ target, heartbeatMs, clock, received }),
      probe: async (link: StompLink) => link.assertAlive(),
      settle: (link: StompLink) => link.receipted("DISCONNECT", []),
    };
    this.#publishing = new KeptConnection<StompLink>({
      ...shared,
      prepare: async () => {},
      ready: (link, isAgain) => {
        this.#publisher = link;
        this.#ready(isAgain);
      },
      lost: (reason) => {
        this.#publisher = null;
        this.#lost(reason);
      },
    });
    this.#subscribing = new KeptConnection<StompLink>({
      ...shared,
      prepare: (link) => this.#bindings.restore(link),
      ready: (link, isAgain) => {
        this.#subscriber = link;
        this.#ready(isAgain);
        if (isAgain) this.#listener?.gap();
      },
      lost: (reason) => {
        this.#subscriber = null;
        this.#bindings.lost();
        this.#lost(reason);
      },
    });
  }

  get isConnected(): boolean {
    return this.#publishing.isReady && this.#subscribing.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#listener = listener;
    this.#publishing.open();
    this.#subscribing.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const link = this.#publisher;
    if (link === null || link.pendingBytes + payload.length > this.#pendingLimit) {
      this.counts.dropped += 1;
      return;
    }
    const { headers, body } = this.#messages.encode(channel, payload);
    link.send("SEND", headers, body);
    this.counts.out += 1;
  }

  subscribe(channel: string): void {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    const confirmed = () => {
      if (this.#channels.has(channel)) this.#listener?.subscribed(channel);
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
    this.#listener = null;
    await Promise.all([this.#publishing.close(), this.#subscribing.close()]);
    this.#publisher = null;
  }

  #received(frame: Frame): void {
    if (this.#listener === null) return;
    const arrival = this.#messages.decode(frame);
    if (arrival === null) {
      this.counts.invalid += 1;
      return;
    }
    const { channel, origin, mark, payload } = arrival;
    if (!this.#channels.has(channel) && !this.#prefixes.cover(channel)) return;
    if (mark !== null) {
      const { run, number } = mark;
      if (run === this.#messages.run || this.#repetitions.has(run, number)) return;
    }
    this.counts.in += 1;
    this.#listener.received(origin, channel, payload);
  }

  #renewIfStale(): void {
    const { stale, wanted } = this.#bindings;
    if (this.#subscriber === null || stale < MOST_STALE || stale < 4 * wanted) return;
    this.#subscribing.fail(this.#subscriber, "the subscriptions are renewed");
  }

  #ready(isAgain: boolean): void {
    if (isAgain) this.counts.reconnects += 1;
    if (this.isConnected) this.#tell(null);
  }

  /** RabbitMQ may repeat what it was told. */
  #lost(reason: string): void {
    this.#tell(reason.replaceAll(this.#target.passcode, "[redacted]"));
  }

  /** Each change once, however many attempts it takes. */
  #tell(reason: string | null): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#listener?.changed(reason);
  }
}
