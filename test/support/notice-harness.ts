import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { NoticeWorker, type NoticeWorkerOptions } from "../../src/notify/notice-worker.ts";
import type { DeadLetter } from "../../src/notify/ports.ts";
import type {
  Delivery,
  NoticeChannel,
  NoticeProvider,
  SendOutcome,
} from "../../src/notify/provider.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { FakeClock } from "./fake-clock.ts";
import { RecordedLog } from "./recorded-log.ts";
import { batch, conversation, EPOCH_MS } from "./stored.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

/** Keeps what is sent, and answers each send as it is told to. */
export class RecordingProvider implements NoticeProvider {
  readonly sent: Delivery[] = [];
  concurrency = 4;
  answer: (delivery: Delivery, signal: AbortSignal) => SendOutcome | Promise<SendOutcome> = () => ({
    kind: "sent",
  });
  isStopped = false;

  constructor(
    readonly channel: NoticeChannel,
    readonly server: string | null = null,
    readonly gathers = false,
  ) {}

  async send(delivery: Delivery, signal: AbortSignal): Promise<SendOutcome> {
    this.sent.push(delivery);
    return await this.answer(delivery, signal);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }

  /** Of each notice, the conversation, the text of the newest message and the count. */
  get told(): (readonly [conversationId: string, content: string, count: number])[] {
    const notices = this.sent.flatMap((delivery) => delivery.notices);
    return notices.map((notice) => [notice.conversationId, notice.newest.content, notice.count]);
  }
}

/** A worker over a database of its own, with the direct conversation `chat` of alice and bob. */
export class NoticeHarness implements AsyncDisposable {
  readonly clock = new FakeClock(EPOCH_MS);
  readonly log = new RecordedLog();
  readonly push = new RecordingProvider("webpush");
  readonly email = new RecordingProvider("email", "mail.example", true);
  readonly dead: DeadLetter[] = [];
  /** Users with a connection. */
  readonly there = new Set<string>();
  readonly worker: NoticeWorker;
  #letters = 0;

  private constructor(
    readonly folder: TemporaryFolder,
    readonly storage: Storage,
    options: Partial<NoticeWorkerOptions>,
  ) {
    const times = { timeoutMs: 10_000, giveUpMs: 86_400_000, firstMs: 1_000, mostMs: 60_000 };
    this.worker = new NoticeWorker({
      ...{ store: storage.notices, clock: this.clock, log: this.log, webhooks: false },
      keepDeadMs: 30 * 86_400_000,
      providers: [
        {
          provider: this.push,
          pace: { channel: "webpush", delayMs: 0, intervalMs: 5_000, ...times },
        },
        {
          provider: this.email,
          pace: { channel: "email", delayMs: 300_000, intervalMs: 3_600_000, ...times },
        },
      ],
      startDelayMs: 0,
      doubtMs: 0,
      onEvents() {},
      isThere: (userId) => this.there.has(userId),
      onOutcome() {},
      eventOf: (letter) => {
        this.dead.push(letter);
        return null;
      },
      newId: () => `letter-${++this.#letters}`,
      random: () => 0.999_999,
      ...options,
    });
  }

  static async open(options: Partial<NoticeWorkerOptions> = {}): Promise<NoticeHarness> {
    const folder = new TemporaryFolder();
    const storage = await openSqliteStorage({ path: folder.file("parley.db") });
    const harness = new NoticeHarness(folder, storage, options);
    await storage.chat.commit(batch({ conversations: [conversation()] }));
    return harness;
  }

  /** They are committed, with their entries in the outbox. */
  async messages(...messages: StoredMessage[]): Promise<void> {
    await this.storage.chat.commit(batch({ messages, outbox: messages.map(({ id }) => id) }));
  }

  start(): void {
    this.worker.start();
    this.clock.advance(0);
  }

  /** Time passes, and all that it brings is done. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.rest();
  }

  /** Everything is told that can be at this time. */
  async rest(): Promise<void> {
    this.worker.wake();
    await this.worker.rested();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.worker.stop();
    this.clock.advance(2_000);
    await stopped;
    await this.storage.close();
    this.folder[Symbol.dispose]();
  }
}
