import type { FeedReader, MessageFeed } from "../../src/chat/message-feed.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { TimelyStore } from "../../src/chat/timely-store.ts";
import { ascendingUuids } from "../../src/ids.ts";
import { chatHarness, type Harness } from "./chat-harness.ts";
import { DeferredStore } from "./deferred-store.ts";
import type { HeldStore } from "./held-store.ts";

/** One life of a server, over a store that outlives it. */
export class Life {
  readonly harness: Harness;
  readonly readers = new Set<Reader>();

  constructor(
    readonly held: HeldStore,
    /** `isDeferred`: the store answers by promises. */
    { isDeferred, tellsEvents }: { isDeferred: boolean; tellsEvents: boolean },
  ) {
    const wallClock = { now: () => this.harness.clock.now() };
    const store = new TimelyStore(held.store, wallClock);
    this.harness = chatHarness(isDeferred ? new DeferredStore(store) : store, {
      tellsEvents,
      newId: ascendingUuids(held.inner.lastMessageId()),
      uncommittedMessages: 100_000,
      onCommit: () => {
        queueMicrotask(() => {
          for (const reader of this.readers) reader.flush();
        });
      },
    });
    this.harness.outlet.message = (userId, sent, body) => {
      if (userId !== "bob") return;
      for (const reader of this.readers) reader.feed.receive(sent, body);
    };
  }

  send(from: string, conversationId: string, content: string): void {
    this.harness.send(from, { conversationId, content });
  }
}

/** A client of Bob's, which keeps the id of the last message that it has. */
export class Reader implements FeedReader {
  readonly feed: MessageFeed;
  readonly known: StoredMessage[] = [];
  position: string | null;
  caughtUpTimes = 0;
  isOpen = true;
  hasRoom = true;
  pace: () => Promise<void> | null = () => null;
  readonly #took: (message: StoredMessage, body: string) => void;
  readonly #life: Life;

  constructor(
    life: Life,
    position: string | null,
    took: (message: StoredMessage, body: string) => void,
  ) {
    this.position = position;
    this.#took = took;
    this.#life = life;
    this.feed = life.harness.chat.feedTo("bob", this, position);
    life.readers.add(this);
  }

  start(): Promise<void> {
    return this.feed.start();
  }

  flush(): void {
    if (this.feed.isWaiting)
      this.feed.flush()?.catch((fault) => this.#life.harness.faults.push(fault));
  }

  close(): void {
    this.isOpen = false;
    this.#life.readers.delete(this);
  }

  has(sent: StoredMessage): void {
    this.known.push(sent);
  }
  take(sent: StoredMessage, body: string): void {
    this.position = sent.id;
    this.#took(sent, body);
  }
  caughtUp(position: string): void {
    this.position = position;
    this.caughtUpTimes += 1;
  }
  ready(): Promise<void> | null {
    return this.pace();
  }
}
