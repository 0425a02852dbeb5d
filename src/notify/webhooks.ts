import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { FailingServer } from "./notice-servers.ts";
import type { OutboundClient } from "./outbound.ts";
import { WebhookAdditions } from "./webhook-additions.ts";
import { WebhookEndpoint } from "./webhook-endpoint.ts";
import { deliveryFailed, type NoticeLetter } from "./webhook-events.ts";
import type { WebhookEvent, WebhookOutcome, WebhookStore } from "./webhook-ports.ts";
import { WebhookReplay } from "./webhook-replay.ts";
import { WebhookSigner } from "./webhook-signature.ts";
import { WebhookWorker } from "./webhook-worker.ts";

export interface WebhooksOptions {
  readonly settings: Settings["eventWebhook"];
  readonly store: WebhookStore;
  readonly client: OutboundClient;
  readonly newId: NewId;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** An event was settled. */
  readonly onOutcome: (kind: WebhookOutcome["kind"]) => void;
}

/** How the app's back end is told of what happens. */
export interface Webhooks {
  /** Led work. To be woken when events may have been added, since it looks once a second only. */
  readonly worker: WebhookWorker;
  /** Led work, too. */
  readonly additions: WebhookAdditions;
  readonly replay: WebhookReplay;
  /** The endpoint, where it fails. */
  readonly failing: readonly FailingServer[];
  /** What it is told of a dead letter; null: nothing. */
  eventOf(letter: NoticeLetter): WebhookEvent | null;
}

/** Messages are to become events: see `Expansion.webhooks`. */
export function tellsMessages({ url, events }: Settings["eventWebhook"]): boolean {
  return url !== undefined && events.includes("messages");
}

/**
 * null: there is no URL. Throws AppError INVALID_CONFIGURATION for a URL that leads where none may.
 */
export function openWebhooks(options: WebhooksOptions): Webhooks | null {
  const { settings, store, client, newId, clock, random, log, onOutcome } = options;
  const { url, secrets, events, timeoutMs, concurrency, attempts, maxAgeMs } = settings;
  if (url === undefined) return null;
  const refusal = client.refusalOfUrl(url);
  if (refusal !== null) {
    throw new AppError("INVALID_CONFIGURATION", `event_webhook.url ${refusal}: see outbound.allow`);
  }
  const signer = new WebhookSigner(secrets);
  const endpoint = new WebhookEndpoint({ url, signer, client, timeoutMs, clock });
  const worker = new WebhookWorker({
    ...{ store, endpoint, concurrency, attempts, maxAgeMs },
    ...{ newId, clock, random, log, onOutcome },
  });
  const onAdded = () => worker.wake();
  const additions = new WebhookAdditions({
    ...{ store, subjects: events, newId, clock, onAdded },
    onFault: (err) => log.error({ err }, "The back end is not told of all: there is a fault"),
  });
  return {
    ...{ worker, additions, replay: new WebhookReplay(store, onAdded) },
    get failing() {
      const { outage } = worker;
      if (outage === null) return [];
      const { sinceMs, reason } = outage;
      return [{ channel: "webhook", server: new URL(url).host, sinceMs, reason }] as const;
    },
    eventOf: (letter) => (events.includes("failures") ? deliveryFailed(letter) : null),
  };
}
