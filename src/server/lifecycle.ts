import { Retention } from "../chat/retention.ts";
import type { TimelyStore } from "../chat/timely-store.ts";
import { Deadline } from "../deadline.ts";
import type { HealthSource } from "../http/health.ts";
import type { Siblings } from "../transport/siblings.ts";
import type { AppService } from "./application.ts";
import type { AttachmentService } from "./attachments.ts";
import type { ChatService } from "./chat-service.ts";
import type { Connections } from "./connections.ts";
import type { Foundation } from "./foundation.ts";
import { LedWork, type Worker } from "./led-work.ts";
import type { Listeners } from "./listeners.ts";
import type { Metrics } from "./metrics.ts";
import type { NodeServices } from "./node-services.ts";
import type { NotificationService } from "./notifications.ts";
import type { TopicsAndQueues } from "./topics-and-queues.ts";

export interface LifecycleOptions {
  readonly foundation: Foundation;
  readonly store: TimelyStore;
  readonly messaging: TopicsAndQueues;
  readonly service: ChatService;
  readonly app: AppService;
  readonly others: NodeServices;
  readonly connections: Connections;
  /** null: the server has no files of messages. */
  readonly files: AttachmentService | null;
  readonly notifications: NotificationService;
  readonly health: HealthSource;
  readonly metrics: Metrics;
  readonly listeners: Listeners;
  /** null: there are no other processes. */
  readonly siblings: Siblings | null;
}

/** In which order the parts of a server begin and end. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #ledWork: LedWork;
  #stopped: Promise<void> | null = null;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    const { files, foundation, notifications, service, store } = options;
    const { settings, storage, clock, log } = foundation;
    const retention = new Retention({ ...settings.retention, store, clock, log });
    const workers: Worker[] = [retention, service.chat.erasures, service.chat.disappearance];
    if (files !== null) workers.push(files.sweeper);
    workers.push(...notifications.workers);
    this.#ledWork = new LedWork(storage.leadership, workers);
  }

  get isStopping(): boolean {
    return this.#stopped !== null;
  }

  /** What goes on in the background; then the other nodes are told of this one. */
  start(): void {
    const { foundation, messaging, service, others, files, health, metrics } = this.#options;
    const { backplane, storage } = foundation;
    const { leadership } = storage;
    const { nodes, relay, queues } = messaging;
    const { chat, channels } = service;
    const { cluster, nodeChanges, noticeRelay, notices } = others;
    files?.start();
    this.#ledWork.start();
    const receivers = [relay, channels, nodeChanges, noticeRelay, cluster];
    metrics.start({
      ...{ health, journal: chat.journal, queues, backplane, cluster, leadership },
      receivers: receivers.filter((each) => each !== null),
      waiting: storage,
      usersHere: () => chat.presence.hereCount,
    });
    messaging.receive();
    if (chat.nodeNotices !== null) channels?.start(chat.nodeNotices);
    nodeChanges?.start();
    noticeRelay?.start((notice) => void notices.publishHere(notice));
    nodes?.start();
    nodeChanges?.listen();
    noticeRelay?.listen();
    cluster?.start();
  }

  /** See `RunningServer.stop`. */
  stop(reason: string): Promise<void> {
    this.#stopped ??= this.#stop(reason);
    return this.#stopped;
  }

  async #stop(reason: string): Promise<void> {
    const { foundation, messaging, service, app, others, connections } = this.#options;
    const { files, notifications, metrics, listeners, siblings } = this.#options;
    const { settings, storage, backplane, tracing, clock, log } = foundation;
    const { live, endpoints, heartbeatSender } = connections;
    const { queues } = messaging;
    const { chat, channels } = service;
    log.info({ reason, connections: live.count }, "Stopping");
    const { drainMs, timeoutMs } = settings.shutdown;
    live.drain();
    if (drainMs > 0) await new Promise<void>((resolve) => clock.schedule(drainMs, resolve));
    const deadline = new Deadline(clock, timeoutMs);
    app.application.stop();
    metrics.stop();
    const ledWorkStopped = this.#ledWork.stop();
    await deadline.allows(chat.journal.drained());
    queues.stop();
    await deadline.allows(live.stop());
    for (const endpoint of endpoints) endpoint.stop();
    messaging.stop();
    channels?.stop();
    others.nodeChanges?.stop();
    others.cluster?.stop();
    await deadline.allows(queues.finish());
    await deadline.allows(backplane.close());
    heartbeatSender.stop();
    await deadline.allows(chat.stop());
    await deadline.allows(ledWorkStopped);
    await deadline.allows(notifications.stop());
    if (tracing !== null) await deadline.allows(tracing.stop());
    await deadline.allows(Promise.all([listeners.stop(), siblings?.stop()]));
    await Promise.all([listeners.terminate(), siblings?.terminate()]);
    if (files !== null) await deadline.allows(files.stop());
    await storage.close();
  }
}
