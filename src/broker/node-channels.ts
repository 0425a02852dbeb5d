import type { Backplane } from "./backplane.ts";

/** Takes what other nodes publish on one kind of channels. Must not throw. */
export type ChannelReceiver = (origin: string, name: string, payload: Uint8Array) => void;

/** What parts of a node say to the same parts of the others, each on channels of its own kind. */
export class NodeChannels {
  readonly #receivers = new Map<string, ChannelReceiver>();
  readonly #gapListeners: (() => void)[] = [];
  readonly #lossListeners: (() => void)[] = [];
  readonly #returnListeners: (() => void)[] = [];
  /** What waits for a subscription to be in effect. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** A gap is to be told when there is a connection. */
  #mayMiss = false;

  constructor(
    readonly backplane: Backplane,
    readonly changed: (reason: string | null) => void,
  ) {}

  get nodeId(): string {
    return this.backplane.nodeId;
  }

  get isConnected(): boolean {
    return this.backplane.isConnected;
  }

  /** So many things that others were to be told were not; it is known some time later. */
  get dropped(): number {
    return this.backplane.counts.dropped;
  }

  /** Before `start`. @param kind what channels' names have before their first slash */
  receive(kind: string, receiver: ChannelReceiver): void {
    this.#receivers.set(kind, receiver);
  }

  /** Hears of each time from which what others published may be missing. Before `start`. */
  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  /** Hears of each loss of the connection: what others publish is missing until a gap is told. Before `start`. */
  onLoss(listener: () => void): void {
    this.#lossListeners.push(listener);
  }

  /** Hears of each time from which others can be told something again. Before `start`. */
  onReturn(listener: () => void): void {
    this.#returnListeners.push(listener);
  }

  start(): void {
    this.backplane.start({
      received: (origin, channel, payload) => {
        this.#receivers.get(kindOf(channel))?.(origin, channel, payload);
      },
      subscribed: (channel) => this.#release(channel),
      gap: () => this.#tellGap(),
      changed: (reason) => {
        this.changed(reason);
        if (reason === null) {
          for (const listener of this.#returnListeners) listener();
          // Of a loss of what goes out alone the backplane tells no gap; of others it does so at once.
          queueMicrotask(() => {
            if (this.#mayMiss && this.backplane.isConnected) this.#tellGap();
          });
          return;
        }
        this.#mayMiss = true;
        for (const listener of this.#lossListeners) listener();
        for (const channel of this.#waiting.keys()) this.#mayMissOn(channel);
      },
    });
  }

  publish(channel: string, payload: Uint8Array): void {
    this.backplane.publish(channel, payload);
  }

  /** To be heard as soon as others are reached. */
  listen(channel: string): void {
    this.backplane.subscribe(channel);
  }

  /**
   * Resolves when what others publish on the channel arrives; at once while there is no connection,
   * after which a gap will be told.
   */
  subscribe(channel: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(channel);
    if (waiting === undefined) this.#waiting.set(channel, [resolve]);
    else waiting.push(resolve);
    // What is in effect already is told before this returns.
    this.backplane.subscribe(channel);
    if (!this.backplane.isConnected) this.#mayMissOn(channel);
    return promise;
  }

  unsubscribe(channel: string): void {
    this.backplane.unsubscribe(channel);
    this.#release(channel);
  }

  #mayMissOn(channel: string): void {
    this.#mayMiss = true;
    this.#release(channel);
  }

  #release(channel: string): void {
    const waiting = this.#waiting.get(channel);
    if (waiting === undefined) return;
    this.#waiting.delete(channel);
    for (const resolve of waiting) resolve();
  }

  #tellGap(): void {
    this.#mayMiss = false;
    for (const listener of this.#gapListeners) listener();
  }
}

function kindOf(channel: string): string {
  return channel.slice(0, Math.max(0, channel.indexOf("/")));
}
