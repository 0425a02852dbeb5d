import type { Settings } from "../config.ts";
import { newUuid } from "../ids.ts";
import { type NoticePace, NoticeWorker } from "../notify/notice-worker.ts";
import type { NoticeChannel, NoticeProvider } from "../notify/provider.ts";
import type { Foundation } from "./foundation.ts";
import type { Worker } from "./led-work.ts";
import type { Metrics } from "./metrics.ts";

export interface NotificationsOptions {
  readonly metrics: Metrics;
  /** The user has a connection to some node, or had one a moment ago. */
  readonly isThere: (userId: string) => boolean;
}

/** What tells users who are not there. */
export interface Notifications {
  /** Messages have been committed. */
  committed(): void;
  /** One node alone does it. */
  readonly workers: readonly Worker[];
  /** After the workers: closes connections. */
  stop(): Promise<void>;
}

/** Something of the settings is told of messages after their commit. */
export function needsOutbox(_settings: Settings): boolean {
  return false;
}

/** null: the settings name no way to tell them. */
export function openNotifications(
  foundation: Foundation,
  { metrics, isThere }: NotificationsOptions,
): Notifications | null {
  const { settings, storage, clock, log } = foundation;
  const providers: NoticeProvider[] = [];
  if (providers.length === 0) return null;
  const worker = new NoticeWorker({
    store: storage.notices,
    providers: providers.map((provider) => {
      return { provider, pace: paceOf(provider.channel, settings) };
    }),
    webhooks: false,
    startDelayMs: settings.presence.graceMs,
    onExpanded() {},
    isThere,
    onOutcome: (channel, outcome) => metrics.notice(channel, outcome),
    onDead() {},
    newId: newUuid,
    ...{ clock, random: Math.random, log },
  });
  return {
    committed: () => worker.committed(),
    workers: [worker],
    async stop() {
      await Promise.all(providers.map((provider) => provider.stop()));
    },
  };
}

function paceOf(channel: NoticeChannel, { notify }: Settings): NoticePace {
  const [delayMs, intervalMs] =
    channel === "email"
      ? [notify.emailDelayMs, notify.emailIntervalMs]
      : [notify.pushDelayMs, notify.pushIntervalMs];
  const { timeoutMs, retryMs, mostRetryMs, giveUpMs } = notify;
  return {
    channel,
    delayMs,
    intervalMs,
    timeoutMs,
    firstMs: retryMs,
    mostMs: mostRetryMs,
    giveUpMs,
  };
}
