import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { QueueSource } from "../broker/work-queues.ts";
import type { Clock, Timer } from "../clock.ts";
import { ERRORS, type ErrorCode } from "../errors.ts";
import type { HealthSource } from "../http/health.ts";
import { NOTICE_CHANNELS } from "../notify/provider.ts";
import { type BackplaneMetricsSource, measureBackplane } from "./backplane-metrics.ts";
import { MessagesOut } from "./messages-out.ts";
import {
  type FailingSource,
  measureFailing,
  measureWaiting,
  type WaitingSource,
} from "./notice-metrics.ts";
import { measureQueues } from "./queue-metrics.ts";

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  /** Work queues that are measured each by itself. */
  readonly queues: readonly string[];
}

/** What is read when somebody asks for the metrics. */
export interface MetricsSource extends BackplaneMetricsSource {
  readonly health: HealthSource;
  /** Users of this node. */
  readonly usersHere: () => number;
  readonly journal: { readonly uncommittedCount: number; readonly uncommittedBytes: number };
  readonly queues: QueueSource;
  readonly waiting: WaitingSource;
}

/** How often it is measured how late timers are. */
const LAG_EVERY_MS = 500;

const SECONDS = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** What the server counts and measures, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly messagesOut = new MessagesOut();
  readonly #clock: Clock;
  readonly #queueNames: readonly string[];
  #lagTimer: Timer | null = null;

  constructor({ version, clock, queues }: MetricsOptions) {
    this.#clock = clock;
    this.#queueNames = queues;
    this.#gauge("parley_info", "The version that runs.", ["version"]).set({ version }, 1);
    // A rate needs a value from before the first.
    for (const code of Object.keys(ERRORS)) this.#refusals.inc({ code }, 0);
    for (const cause of ["slow-reader", "overload"]) this.#cutOffs.inc({ cause }, 0);
    for (const outcome of ["sent", "later", "dead"]) this.#webhookEvents.inc({ outcome }, 0);
    for (const channel of NOTICE_CHANNELS) {
      for (const outcome of ["sent", "retry", "refused", "gone", "dead"]) {
        this.#notices.inc({ channel, outcome }, 0);
      }
    }
    this.#countsByKind(
      "parley_sends_total",
      "SEND frames by where they go, refused ones too.",
      this.#sends,
    );
    this.#countsByKind(
      "parley_messages_out_total",
      "MESSAGE frames to clients by what they tell of: one for each subscription that gets it.",
      this.messagesOut.counts,
    );
  }

  /** Plain numbers: each SEND of a fan-out passes here. */
  readonly #sends = { app: 0, topic: 0, queue: 0, user: 0 };
  readonly #refusals = this.#counter(
    "parley_refusals_total",
    "What was refused over STOMP and HTTP, by the code of the error.",
    ["code"],
  );
  readonly #cutOffs = this.#counter(
    "parley_connections_cut_off_total",
    "Connections ended because they did not take what was sent to them.",
    ["cause"],
  );
  readonly #messages = this.#counter(
    "parley_chat_messages_total",
    "Chat messages, events of conversations among them, that are on disk.",
    [],
  );
  readonly #commitSeconds = this.#histogram(
    "parley_commit_seconds",
    "From the beginning of a commit of chats until it is on disk.",
    SECONDS,
  );
  readonly #commitMessages = this.#histogram(
    "parley_commit_messages",
    "Chat messages in a commit.",
    [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  );
  readonly #deliverySeconds = this.#histogram(
    "parley_delivery_seconds",
    "From the taking of a chat message until a recipient has received it. Who was away counts when they are back.",
    [...SECONDS, 60, 3_600],
  );
  readonly #notices = this.#counter(
    "parley_notices_total",
    "Notices to users who were not there, by channel and what became of them: `sent`, `retry`, `refused`, `gone` (the target is there no more), `dead` (given up).",
    ["channel", "outcome"],
  );
  readonly #webhookEvents = this.#counter(
    "parley_webhook_events_total",
    "Calls of the event webhook by what became of the event: `sent`, `later` (it is told again), `dead` (given up).",
    ["outcome"],
  );
  readonly #lagSeconds = this.#histogram(
    "parley_event_loop_lag_seconds",
    "How late timers are: measured twice a second.",
    SECONDS,
  );

  sent(kind: "app" | "topic" | "queue" | "user"): void {
    this.#sends[kind] += 1;
  }

  refused(code: ErrorCode): void {
    this.#refusals.inc({ code });
  }

  cutOff(cause: "slow-reader" | "overload"): void {
    this.#cutOffs.inc({ cause });
  }

  committed(messages: number, seconds: number): void {
    this.#messages.inc(messages);
    this.#commitSeconds.observe(seconds);
    this.#commitMessages.observe(messages);
  }

  delivered(ageMs: number): void {
    this.#deliverySeconds.observe(Math.max(0, ageMs) / 1_000);
  }

  notice(channel: string, outcome: string): void {
    this.#notices.inc({ channel, outcome });
  }

  webhook(outcome: string): void {
    this.#webhookEvents.inc({ outcome });
  }

  /** At most once: of servers that users and the app's back end are told by. */
  measureFailing(source: FailingSource): void {
    measureFailing(source, this.#registry);
  }

  /** Begins to measure. */
  start(source: MetricsSource): void {
    const { health, journal, queues, usersHere } = source;
    const read = (name: string, help: string, value: () => number) =>
      new Gauge({
        ...{ name, help, registers: [this.#registry] },
        collect() {
          this.set(value());
        },
      });
    read("parley_connections", "Open connections.", () => health.activeConnections);
    read("parley_users_online", "Users who are there, on this node.", usersHere);
    read(
      "parley_users_online_all",
      "Users who are there, on any node; each node says the same.",
      () => health.onlineUsers,
    );
    read(
      "parley_uncommitted_messages",
      "Chat messages on their way to disk.",
      () => journal.uncommittedCount,
    );
    read(
      "parley_uncommitted_bytes",
      "What they say, in bytes, about.",
      () => journal.uncommittedBytes,
    );
    measureQueues(queues, this.#queueNames, this.#registry);
    measureBackplane(source, this.#registry);
    measureWaiting(source.waiting, this.#registry);
    read("parley_store_failing", "1: commits fail, and messages are refused.", () =>
      health.isStoreFailing ? 1 : 0,
    );
    read("process_resident_memory_bytes", "What the process takes of the machine's memory.", () =>
      process.memoryUsage.rss(),
    );
    read("process_start_time_seconds", "When the process began, since the epoch.", () =>
      Math.round(Date.now() / 1_000 - process.uptime()),
    );
    new Counter({
      ...{ name: "process_cpu_seconds_total", help: "CPU time of all threads." },
      registers: [this.#registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    this.#measureLag();
  }

  stop(): void {
    this.#lagTimer?.cancel();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #measureLag(): void {
    const dueMs = this.#clock.monotonicMs() + LAG_EVERY_MS;
    this.#lagTimer = this.#clock.schedule(LAG_EVERY_MS, () => {
      this.#lagSeconds.observe(Math.max(0, this.#clock.monotonicMs() - dueMs) / 1_000);
      this.#measureLag();
    });
  }

  /** Of numbers that are counted elsewhere. */
  #countsByKind(name: string, help: string, counts: Readonly<Record<string, number>>): void {
    new Counter({
      ...{ name, help, labelNames: ["kind"], registers: [this.#registry] },
      collect() {
        this.reset();
        for (const [kind, count] of Object.entries(counts)) this.inc({ kind }, count);
      },
    });
  }

  #gauge(name: string, help: string, labelNames: readonly string[]): Gauge {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] });
  }
}
