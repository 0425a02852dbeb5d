import type { Backplane, BackplaneListener } from "../../src/broker/backplane.ts";

const latin1 = new TextDecoder("latin1");

/** Starts a backplane and keeps what it tells. */
export class BackplaneRecorder implements BackplaneListener {
  /** `origin channel payload` of each message. */
  readonly messages: string[] = [];
  /** The channels of the probes of `hears`, which are not among the messages. */
  readonly #probed = new Set<string>();
  readonly #settled = new Set<string>();
  /** Those that were said to be in effect, in that order. */
  readonly subscriptions: string[] = [];
  gaps = 0;
  readonly states: (string | null)[] = [];
  #waiting: (() => void)[] = [];

  constructor(readonly backplane: Backplane) {
    backplane.start(this);
  }

  received(origin: string, channel: string, payload: Uint8Array): void {
    const text = latin1.decode(payload);
    if (text === "probe") this.#probed.add(channel);
    else if (text === "settled") this.#settled.add(channel);
    else this.messages.push(`${origin} ${channel} ${text}`);
    this.#wake();
  }

  subscribed(channel: string): void {
    this.subscriptions.push(channel);
    this.#wake();
  }

  gap(): void {
    this.gaps += 1;
    this.#wake();
  }

  changed(reason: string | null): void {
    this.states.push(reason);
    this.#wake();
  }

  async until(isReached: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(30_000);
    while (!isReached()) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        late.onabort = () => reject(new Error(`waited in vain; got ${this.messages.join(", ")}`));
      });
    }
    late.onabort = null;
  }

  async connected(): Promise<void> {
    await this.until(() => this.backplane.isConnected);
  }

  /** Resolves when what the other publishes on the channel arrives here: subscribing takes a moment. */
  async hears(other: Backplane, channel: string): Promise<void> {
    this.#probed.delete(channel);
    this.#settled.delete(channel);
    const late = AbortSignal.timeout(30_000);
    while (!this.#probed.has(channel)) {
      if (late.aborted) throw new Error(`${channel} is not heard`);
      other.publish(channel, Buffer.from("probe"));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    other.publish(channel, Buffer.from("settled"));
    await this.until(() => this.#settled.has(channel));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
