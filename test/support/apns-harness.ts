import { type ApnsSettings, openApns } from "../../src/notify/apns.ts";
import type { Notice, NoticeProvider, SendOutcome } from "../../src/notify/provider.ts";
import { ApnsEndpoint } from "./apns-endpoint.ts";
import { FakeClock } from "./fake-clock.ts";
import { deliveryOf } from "./mobile-notices.ts";
import { noticeOf } from "./notices.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

export const APNS_DEVICE = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/** A provider with the key of an APNs that it sends to. */
export class ApnsHarness {
  readonly clock: FakeClock;
  readonly apple: ApnsEndpoint;
  readonly folder = new TemporaryFolder();
  #provider: NoticeProvider;

  private constructor(clock: FakeClock, apple: ApnsEndpoint) {
    this.clock = clock;
    this.apple = apple;
    this.#provider = this.open();
  }

  static async start(): Promise<ApnsHarness> {
    const clock = new FakeClock();
    return new ApnsHarness(clock, await ApnsEndpoint.start(clock));
  }

  settings(given: Partial<ApnsSettings> = {}): ApnsSettings {
    return {
      ...this.apple.keySettings(this.folder.path),
      ...{ environment: "production", endpoint: this.apple.url },
      ...{ showContent: true, ttlMs: 3_600_000, concurrency: 4 },
      ...given,
    };
  }

  open(given: Partial<ApnsSettings> = {}): NoticeProvider {
    const provider = openApns(this.settings(given), this.clock, { ca: this.apple.ca });
    if (provider === null) throw new Error("not opened");
    return provider;
  }

  /** What is sent from now on is sent with these settings. */
  async reopen(given: Partial<ApnsSettings>): Promise<void> {
    await this.#provider.stop();
    this.#provider = this.open(given);
  }

  send(
    notice: Notice = noticeOf(),
    signal = new AbortController().signal,
    device = APNS_DEVICE,
  ): Promise<SendOutcome> {
    return this.#provider.send(deliveryOf("apns", device, notice), signal);
  }

  sendMany(count: number): Promise<SendOutcome[]> {
    return Promise.all(Array.from({ length: count }, () => this.send()));
  }

  async stop(): Promise<void> {
    await this.stopProvider();
    await this.apple.stop();
    this.folder[Symbol.dispose]();
  }

  stopProvider(): Promise<void> {
    return this.#provider.stop();
  }
}
