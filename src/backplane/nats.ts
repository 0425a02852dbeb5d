import type { Backplane, BackplaneListener } from "../broker/backplane.ts";
import type { Clock } from "../clock.ts";
import { type NatsTarget, parseNatsUrl } from "../config/nats-url.ts";
import { AppError } from "../errors.ts";
import { KeptConnection } from "./kept-connection.ts";
import { NatsLink } from "./nats-link.ts";
import { channelOf, prefixSubject, subjectOf } from "./nats-subjects.ts";
import { decodeNodeFrame, NodeFrames } from "./node-frame.ts";
import { Prefixes } from "./prefixes.ts";
import { Repetitions } from "./repetitions.ts";

/** What a message that waits takes beside its bytes, about. */
const PENDING_OVERHEAD_BYTES = 512;

export interface NatsBackplaneOptions {
  readonly nodeId: string;
  /** See `parseNatsUrl`. */
  readonly url: string;
  /** The first words of all subjects, with a dot behind them. */
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly reconnectMs: number;
  readonly pendingBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Nodes that publish and subscribe in NATS (core: it keeps nothing), by one connection each. */
export class NatsBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly #target: NatsTarget;
  readonly #prefix: string;
  readonly #pendingLimit: number;
  readonly #frames: NodeFrames;
  readonly #repetitions = new Repetitions();
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
  #listener: BackplaneListener | null = null;
  /** undefined until there is something to tell. */
  #told: string | null | undefined;

  /** Throws INVALID_CONFIGURATION for what is no URL of a NATS. */
  constructor(options: NatsBackplaneOptions) {
    const { nodeId, url, prefix, pendingBytes, ...common } = options;
    const target = parseNatsUrl(url);
    if (target === null) throw new AppError("INVALID_CONFIGURATION", "nats.url has a wrong value");
    this.#target = target;
    this.#prefix = prefix;
    this.#pendingLimit = pendingBytes;
    this.nodeId = nodeId;
    this.#frames = new NodeFrames(nodeId);
    const { timeoutMs } = common;
    const received = (subject: string, bytes: Uint8Array) => this.#received(subject, bytes);
    this.#connection = new KeptConnection<NatsLink>({
      ...common,
      newClient: async () =>
        new NatsLink({ target, name: `parley:${nodeId}`, timeoutMs, received }),
      prepare: async (link) => {
        for (const subject of this.#subjects.keys()) link.subscribe(subject);
        this.#link = link; // What is wanted from now on is told at once.
        await link.settled();
      },
      probe: (link) => link.settled(),
      settle: (link) => link.settled(),
      ready: (_, isAgain) => this.#ready(isAgain),
      lost: (reason) => this.#lost(reason),
    });
  }

  get isConnected(): boolean {
    return this.#connection.isReady;
  }

  start(listener: BackplaneListener): void {
    this.#listener = listener;
    this.#connection.open();
  }

  publish(channel: string, payload: Uint8Array): void {
    const bytes = payload.length + PENDING_OVERHEAD_BYTES;
    const link = this.#link;
    const hasRoom = this.isConnected && this.#pendingBytes + bytes <= this.#pendingLimit;
    const subject = this.#prefix + subjectOf(channel);
    if (!hasRoom || link === null || !link.publish(subject, this.#frames.encode(payload))) {
      this.counts.dropped += 1;
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
    this.#listener = null;
    await this.#connection.close();
    this.#link = null;
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
    const turn = { bytes: 0, messages: 0 };
    const settled = (isOut: boolean) => {
      this.#pendingBytes -= turn.bytes;
      if (isOut) this.counts.out += turn.messages;
      else this.counts.dropped += turn.messages;
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
          if (this.#channels.has(channel)) this.#listener?.subscribed(channel);
        }
      },
      () => {},
    );
  }

  #received(subject: string, bytes: Uint8Array): void {
    if (this.#listener === null) return;
    const frame = decodeNodeFrame(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    if (frame === null) {
      this.counts.invalid += 1;
      return;
    }
    const channel = channelOf(subject.slice(this.#prefix.length));
    if (!this.#channels.has(channel) && !this.#prefixes.cover(channel)) return;
    const { run, number, nodeId, payload } = frame;
    if (run === this.#frames.run || this.#repetitions.has(run, number)) return;
    this.counts.in += 1;
    this.#listener.received(nodeId, channel, payload);
  }

  #ready(isAgain: boolean): void {
    if (isAgain) this.counts.reconnects += 1;
    this.#tell(null);
    if (isAgain) this.#listener?.gap();
  }

  #lost(reason: string): void {
    this.#link = null;
    const secret = this.#target.password ?? this.#target.user ?? "";
    this.#tell(secret === "" ? reason : reason.replaceAll(secret, "[redacted]"));
  }

  /** Each change once, however many attempts it takes. */
  #tell(reason: string | null): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#listener?.changed(reason);
  }
}
