import type { Backplane, BackplaneCounts, BackplaneListener } from "../broker/backplane.ts";
import { parseNatsUrl } from "../config/nats-url.ts";
import { KeptConnection } from "./kept-connection.ts";
import { NatsLink } from "./nats-link.ts";
import { channelOf, prefixSubject, subjectOf } from "./nats-subjects.ts";
import { NodeReports } from "./node-reports.ts";
import { NodeTraffic } from "./node-traffic.ts";
import { Prefixes } from "./prefixes.ts";
import { PENDING_OVERHEAD_BYTES, type ServerBackplaneOptions, targetOf } from "./server-options.ts";

/** Subjects of one step: neither NATS nor this node is held up by a great many at once. */
const BATCH = 512;

/** For the URL see `parseNatsUrl`. */
export interface NatsBackplaneOptions extends ServerBackplaneOptions {
  /** The first words of all subjects, with a dot behind them. */
  readonly prefix: string;
}

/** Nodes that publish and subscribe in NATS (core: it keeps nothing), by one connection each. */
export class NatsBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly #prefix: string;
  readonly #pendingLimit: number;
  readonly #reports: NodeReports;
  readonly #traffic: NodeTraffic;
  readonly #channels = new Set<string>();
  readonly #prefixes = new Prefixes();
  /** How often each subject is wanted: several prefixes may be one. */
  readonly #subjects = new Map<string, number>();
  readonly #connection: KeptConnection<NatsLink>;
  #link: NatsLink | null = null;
  /** Channels whose subscription NATS has not answered. */
  #unconfirmed: string[] = [];
  /** Of messages that NATS has not answered. */
  #pendingBytes = 0;
  /** Of the turn's messages. */
  #turn: { bytes: number; messages: number } | null = null;

  /** Throws INVALID_CONFIGURATION for what is no URL of a NATS. */
  constructor(options: NatsBackplaneOptions) {
    const { nodeId, url, prefix, pendingBytes, ...common } = options;
    const target = targetOf(url, "nats.url", parseNatsUrl);
    this.#prefix = prefix;
    this.#pendingLimit = pendingBytes;
    this.nodeId = nodeId;
    // A token is in the place of the user.
    this.#reports = new NodeReports(target.password ?? target.user);
    this.#traffic = new NodeTraffic(nodeId, this.#reports);
    const { timeoutMs } = common;
    const received = (subject: string, bytes: Uint8Array) => this.#received(subject, bytes);
    this.#connection = new KeptConnection<NatsLink>({
      ...common,
      newClient: async () =>
        new NatsLink({ target, name: `parley:${nodeId}`, timeoutMs, received }),
      prepare: async (link) => {
        this.#link = link; // What is wanted from now on is told at once.
        await this.#restore(link);
      },
      probe: (link) => link.settled(),
      settle: async (link) => {
        // What this turn has published is asked about when it ends, and answered before this.
        await new Promise<void>((resolve) => setImmediate(resolve));
        await link.settled();
      },
      ready: (_, isAgain) => {
        this.#reports.ready(isAgain, true);
        if (isAgain) this.#reports.gap();
      },
      lost: (reason) => {
        this.#link = null;
        this.#reports.lost(reason);
      },
    });
  }

  get counts(): BackplaneCounts {
    return this.#reports.counts;
  }

  get isConnected(): boolean {
    return this.#connection.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#reports.begin(listener);
    this.#connection.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const bytes = payload.length + PENDING_OVERHEAD_BYTES;
    const link = this.#link;
    const hasRoom = this.isConnected && this.#pendingBytes + bytes <= this.#pendingLimit;
    const subject = this.#prefix + subjectOf(channel);
    if (!hasRoom || link === null || !link.publish(subject, this.#traffic.encode(payload))) {
      this.#reports.counts.dropped += 1;
      return;
    }
    this.#pendingBytes += bytes;
    this.#turn ??= this.#beginTurn(link);
    this.#turn.bytes += bytes;
    this.#turn.messages += 1;
  }

  subscribe(channel: string): void {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    this.#want(subjectOf(channel));
    this.#unconfirmed.push(channel);
    if (this.#unconfirmed.length === 1) setImmediate(() => this.#confirm());
  }

  unsubscribe(channel: string): void {
    if (this.#channels.delete(channel)) this.#leave(subjectOf(channel));
  }

  subscribePrefix(prefix: string): void {
    if (this.#prefixes.has(prefix)) return;
    this.#prefixes.add(prefix);
    this.#want(prefixSubject(prefix));
  }

  unsubscribePrefix(prefix: string): void {
    if (!this.#prefixes.has(prefix)) return;
    this.#prefixes.delete(prefix);
    this.#leave(prefixSubject(prefix));
  }

  async close(): Promise<void> {
    this.#reports.end();
    await this.#connection.close();
    this.#link = null;
  }

  /** Resolves when a new connection has everything that is wanted, or there is another one. */
  async #restore(link: NatsLink): Promise<void> {
    let told = 0;
    for (const subject of this.#subjects.keys()) {
      link.subscribe(subject);
      told += 1;
      if (told % BATCH === 0) await link.settled();
    }
    await link.settled();
  }

  #want(name: string): void {
    const subject = this.#prefix + name;
    const count = this.#subjects.get(subject) ?? 0;
    this.#subjects.set(subject, count + 1);
    if (count === 0) this.#link?.subscribe(subject);
  }

  #leave(name: string): void {
    const subject = this.#prefix + name;
    const count = this.#subjects.get(subject) ?? 0;
    if (count > 1) {
      this.#subjects.set(subject, count - 1);
      return;
    }
    this.#subjects.delete(subject);
    this.#link?.unsubscribe(subject);
  }

  /** NATS answers in order: what it is asked at the end of the turn stands for all before. */
  #beginTurn(link: NatsLink): { bytes: number; messages: number } {
    const { counts } = this.#reports;
    const turn = { bytes: 0, messages: 0 };
    const settled = (isOut: boolean) => {
      this.#pendingBytes -= turn.bytes;
      if (isOut) counts.out += turn.messages;
      else counts.dropped += turn.messages;
    };
    setImmediate(() => {
      this.#turn = null;
      link.settled().then(
        () => settled(true),
        () => settled(false),
      );
    });
    return turn;
  }

  #confirm(): void {
    const channels = this.#unconfirmed;
    this.#unconfirmed = [];
    // Without the connection nothing need be said: its return says it of all.
    this.#link?.settled().then(
      () => {
        for (const channel of channels) {
          if (this.#channels.has(channel)) this.#reports.subscribed(channel);
        }
      },
      () => {},
    );
  }

  #received(subject: string, bytes: Uint8Array): void {
    const channel = channelOf(subject.slice(this.#prefix.length));
    if (!this.#channels.has(channel) && !this.#prefixes.cover(channel)) return;
    this.#traffic.received(channel, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  }
}
