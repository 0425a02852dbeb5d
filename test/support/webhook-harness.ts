import { OutboundClient } from "../../src/notify/outbound.ts";
import { WebhookEndpoint } from "../../src/notify/webhook-endpoint.ts";
import type { WebhookEvent, WebhookOutcome } from "../../src/notify/webhook-ports.ts";
import { WebhookSigner } from "../../src/notify/webhook-signature.ts";
import { WebhookWorker, type WebhookWorkerOptions } from "../../src/notify/webhook-worker.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { FakeClock } from "./fake-clock.ts";
import { settled } from "./held-store.ts";
import { RecordedLog } from "./recorded-log.ts";
import { EPOCH_MS } from "./stored.ts";
import { WebhookReceiver } from "./webhook-receiver.ts";

const DAY_MS = 86_400_000;

/** A worker over a store in memory, a receiver on loopback, and a time that the test tells. */
export class WebhookHarness implements AsyncDisposable {
  readonly clock = new FakeClock(EPOCH_MS);
  readonly receiver = new WebhookReceiver(undefined, this.clock.now);
  readonly client = new OutboundClient({ allow: ["127.0.0.1"] });
  readonly storage = memoryStorage();
  readonly log = new RecordedLog();
  readonly outcomes: WebhookOutcome["kind"][] = [];
  readonly worker: WebhookWorker;
  #calls = 0;

  constructor(options: Partial<WebhookWorkerOptions> & { readonly timeoutMs?: number } = {}) {
    const { clock, client, receiver, log } = this;
    const endpoint = new WebhookEndpoint({
      ...{ url: receiver.url, signer: new WebhookSigner([receiver.secret]), client, clock },
      timeoutMs: options.timeoutMs ?? 15_000,
    });
    this.worker = new WebhookWorker({
      ...{ store: this.storage.webhooks, clock, log, random: () => 0.999 },
      ...{ concurrency: 8, attempts: 0, maxAgeMs: 3 * DAY_MS },
      newId: () => Bun.randomUUIDv7(),
      onOutcome: (kind) => this.outcomes.push(kind),
      ...options,
      endpoint: {
        tell: async (...call) => {
          this.#calls += 1;
          try {
            return await endpoint.tell(...call);
          } finally {
            this.#calls -= 1;
          }
        },
      },
    });
  }

  /** What was taken, by the events' ids. */
  get ids(): string[] {
    return this.receiver.calls.map(({ id }) => id);
  }

  /** Adds `count` events of the lane, `lane-1` …, and says so. */
  async add(lane: string, count = 1, from = 1): Promise<void> {
    const createdMs = this.clock.now();
    const events = Array.from({ length: count }, (_, index): WebhookEvent => {
      const id = `${lane}-${from + index}`;
      return { id, type: "presence.changed", lane, createdMs, data: `{"n":${from + index}}` };
    });
    await this.storage.webhooks.add(events);
    this.worker.wake();
  }

  /** Resolves when no call is under way, and what they have led to has happened. */
  async idle(): Promise<void> {
    do await settled();
    while (this.#calls > 0);
    await settled();
  }

  /** Time goes by, of which calls take none. */
  async pass(ms: number, stepMs = 1_000): Promise<void> {
    await this.idle();
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passed));
      await this.idle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.worker.stop();
    this.receiver[Symbol.dispose]();
    await this.storage.close();
  }
}

/** An answer that does not come before `release`. */
export function heldAnswer(): { readonly release: () => void; readonly answer: Promise<Response> } {
  const { promise, resolve } = Promise.withResolvers<Response>();
  return { release: () => resolve(new Response(null, { status: 204 })), answer: promise };
}
