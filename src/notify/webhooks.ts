import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { OutboundClient } from "./outbound.ts";
import { WebhookEndpoint } from "./webhook-endpoint.ts";
import { deliveryFailed, type NoticeLetter } from "./webhook-events.ts";
import type { WebhookOutcome, WebhookStore } from "./webhook-ports.ts";
import { PresenceWebhooks } from "./webhook-presence.ts";
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
  /** Led work, too; null: it is not told of presence. */
  readonly presence: PresenceWebhooks | null;
  /** It is told of messages: see `Expansion.webhooks`. */
  readonly tellsMessages: boolean;
  readonly replay: WebhookReplay;
  /** Resolves when it will be told of those letters that it is told of. */
  failed(letters: readonly NoticeLetter[]): Promise<void>;
}

/**
 * null: there is no URL. Throws AppError INVALID_CONFIGURATION for a URL that leads where none may.
 */
export function openWebhooks(options: WebhooksOptions): Webhooks | null {
  const { settings, store, client, newId, clock, random, log, onOutcome } = options;
  const { url, secrets, events, timeoutMs } = settings;
  if (url === undefined) return null;
  const refusal = client.refusalOfUrl(url);
  if (refusal !== null) {
    throw new AppError("INVALID_CONFIGURATION", `event_webhook.url ${refusal}: see outbound.allow`);
  }
  const signer = new WebhookSigner(secrets);
  const endpoint = new WebhookEndpoint({ url, signer, client, timeoutMs, clock });
  const worker = new WebhookWorker({
    ...{ store, endpoint, newId, clock, random, log, onOutcome },
    ...{ concurrency: settings.concurrency, attempts: settings.attempts },
    maxAgeMs: settings.maxAgeMs,
  });
  const onAdded = () => worker.wake();
  const onFault = (fault: unknown) => {
    log.error({ err: fault }, "The back end is not told of presence: there is a fault");
  };
  return {
    worker,
    presence: events.includes("presence")
      ? new PresenceWebhooks({ store, newId, clock, onAdded, onFault })
      : null,
    tellsMessages: events.includes("messages"),
    replay: new WebhookReplay(store, onAdded),
    async failed(letters) {
      if (!events.includes("failures")) return;
      const told = letters.flatMap((letter) => deliveryFailed(letter) ?? []);
      if (told.length === 0) return;
      await store.add(told);
      onAdded();
    },
  };
}
