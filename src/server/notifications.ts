import type { Settings } from "../config.ts";
import type { NotificationsSource } from "../http/api.ts";
import { newUuid } from "../ids.ts";
import { DeadLetters } from "../notify/dead-letters.ts";
import { NoticeClearing } from "../notify/notice-clearing.ts";
import type { NoticePace } from "../notify/notice-outcome.ts";
import { NoticeWorker } from "../notify/notice-worker.ts";
import { Notifications } from "../notify/notifications.ts";
import type { OutboundClient } from "../notify/outbound.ts";
import { NOTICE_CHANNELS, type NoticeChannel } from "../notify/provider.ts";
import { openWebhooks, tellsMessages } from "../notify/webhooks.ts";
import type { Foundation } from "./foundation.ts";
import type { Worker } from "./led-work.ts";
import type { Metrics } from "./metrics.ts";

const DAY_MS = 86_400_000;
/** Connections are looked at once a second or so, and nodes tell each other of it. */
const MARGIN_MS = 5_000;

export interface NotificationServiceOptions {
  readonly metrics: Metrics;
  /** The user has a connection to some node, or had one a moment ago. */
  readonly isThere: (userId: string) => boolean;
}

/** What tells users who are not there, and the app's back end. */
export interface NotificationService {
  /** For the HTTP API; null: the settings name nobody to tell. */
  readonly source: NotificationsSource | null;
  /** One node alone does it. */
  readonly workers: readonly Worker[];
  /** Messages have been committed. */
  committed(): void;
  /** @param body as `/topic/presence` has it */
  presenceChanged(userId: string, body: string): void;
  /** After the workers: closes connections. */
  stop(): Promise<void>;
}

/** Somebody is told of messages after their commit, and these go into the outbox. */
export function needsOutbox({ settings, notifiers }: Foundation): boolean {
  return notifiers.all.length > 0 || tellsMessages(settings.eventWebhook);
}

/** Throws INVALID_CONFIGURATION, see `openWebhooks`. */
export function openNotifications(
  foundation: Foundation,
  { metrics, isThere }: NotificationServiceOptions,
): NotificationService {
  const { settings, storage, notifiers, clock, log } = foundation;
  const { outbound, all: providers } = notifiers;
  const { deadLetterDays } = settings.notify;
  const random = Math.random;
  const webhooks = openWebhooks({
    ...{ settings: settings.eventWebhook, store: storage.webhooks, client: outbound },
    ...{ newId: newUuid, clock, random, log },
    onOutcome: (outcome) => metrics.webhook(outcome),
  });
  const channels = providers.map(({ channel }) => channel);
  const clearing = new NoticeClearing({
    ...{ store: storage.notices, clock, log, clearsOutbox: !needsOutbox(foundation) },
    channels: NOTICE_CHANNELS.filter((channel) => !channels.includes(channel)),
  });
  if (providers.length === 0 && webhooks === null) {
    metrics.measureFailing({ channels: [], failing: () => [] });
    return tellingNobody(clearing, outbound);
  }
  const worker = new NoticeWorker({
    store: storage.notices,
    providers: providers.map((provider) => {
      return { provider, pace: paceOf(provider.channel, settings) };
    }),
    webhooks: tellsMessages(settings.eventWebhook),
    keepDeadMs: deadLetterDays === 0 ? null : deadLetterDays * DAY_MS,
    startDelayMs: settings.presence.graceMs,
    onEvents: () => webhooks?.worker.wake(),
    isThere,
    doubtMs: doubtMsOf(settings),
    onOutcome: (channel, outcome) => metrics.notice(channel, outcome),
    eventOf: (letter) => webhooks?.eventOf(letter) ?? null,
    ...{ newId: newUuid, clock, random, log },
  });
  const failing = () => [...worker.failing, ...(webhooks?.failing ?? [])];
  const hook = webhooks === null ? [] : (["webhook"] as const);
  metrics.measureFailing({ channels: [...channels, ...hook], failing });
  const workers: Worker[] = [clearing, worker];
  if (webhooks !== null) workers.push(webhooks.worker, webhooks.additions);
  const users = new Notifications({
    ...{ store: storage.notices, clock, newId: newUuid },
    channels,
    webPushKey: settings.webpush.publicKey ?? null,
    refusalOf: (url) => outbound.refusalOfUrl(url),
  });
  return {
    source: {
      users,
      deadLetters: new DeadLetters({
        ...{ store: storage.notices, clock, newId: newUuid },
        onReplay() {
          worker.wake();
          webhooks?.worker.wake();
        },
      }),
      webhookReplay: webhooks?.replay ?? null,
      unsubscribing: unsubscribingOf(settings, users),
      failing,
    },
    workers,
    committed: () => worker.committed(),
    presenceChanged(userId, body) {
      if (!isThere(userId)) void worker.departed(userId);
      webhooks?.additions.presenceChanged(userId, body);
    },
    async stop() {
      await Promise.all(providers.map((provider) => provider.stop()));
      outbound.close();
    },
  };
}

function tellingNobody(clearing: Worker, outbound: OutboundClient): NotificationService {
  return {
    ...{ source: null, workers: [clearing] },
    committed() {},
    presenceChanged() {},
    async stop() {
      outbound.close();
    },
  };
}

function unsubscribingOf(
  { email }: Settings,
  users: Notifications,
): NotificationsSource["unsubscribing"] {
  const { smtpUrl, unsubscribeSecret, appName } = email;
  if (smtpUrl === undefined || unsubscribeSecret === undefined) return null;
  return { users, secret: unsubscribeSecret, appName };
}

/**
 * After two heart-beats that did not come a connection is closed, after the grace its user is gone. Where
 * clients need send none, nobody knows sooner than TCP, and what was taken counts as shown.
 */
function doubtMsOf({ heartbeat, presence }: Settings): number {
  const { receiveMs } = heartbeat;
  return receiveMs === 0 ? 0 : 2 * receiveMs + presence.graceMs + MARGIN_MS;
}

function paceOf(channel: NoticeChannel, { notify }: Settings): NoticePace {
  const [delayMs, intervalMs, timeoutMs] =
    channel === "email"
      ? [notify.emailDelayMs, notify.emailIntervalMs, notify.emailTimeoutMs]
      : [notify.pushDelayMs, notify.pushIntervalMs, notify.pushTimeoutMs];
  const { retryMs, mostRetryMs, giveUpMs } = notify;
  const backOff = { firstMs: retryMs, mostMs: mostRetryMs };
  return { channel, delayMs, intervalMs, timeoutMs, ...backOff, giveUpMs };
}
