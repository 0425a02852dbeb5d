import { expect, test } from "bun:test";
import fc from "fast-check";
import type { StoredMessage } from "../../src/chat/ports.ts";
import type { ReplayReader } from "../../src/chat/replay.ts";
import { chatHarness, type Harness } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { syncFrom } from "../support/replay-device.ts";

const CONVERSATIONS = ["c1", "c2"] as const;

/** What happens while a device of Bob's catches up. */
type Step =
  | { readonly kind: "send"; readonly from: "alice" | "bob"; readonly conversation: 0 | 1 }
  | { readonly kind: "commit" }
  | { readonly kind: "break" | "mend" }
  /** Another device of Bob's acknowledges what it was shown. */
  | { readonly kind: "receive" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      from: fc.constantFrom("alice" as const, "bob" as const),
      conversation: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  { weight: 6, arbitrary: fc.constant({ kind: "commit" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("break" as const, "mend" as const) }) },
  { weight: 2, arbitrary: fc.constant({ kind: "receive" as const }) },
);

class World {
  readonly held = HeldStore.inMemory();
  readonly harness: Harness = chatHarness(this.held.store, { uncommittedMessages: 100_000 });
  /** What the device was sent, live and replayed. */
  readonly got: StoredMessage[] = [];
  readonly #shown: StoredMessage[] = [];
  readonly #steps: Step[];
  #receive: ((message: StoredMessage) => void) | null = null;
  #isListening = false;
  #sent = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
    this.harness.outlet.message = (userId, message) => {
      if (userId !== "bob") return;
      this.#shown.push(message);
      if (!this.#isListening) return;
      if (this.#receive === null) this.got.push(message);
      else this.#receive(message);
    };
  }

  readonly reader: ReplayReader = {
    isOpen: true,
    hold: (receive) => {
      this.#isListening = true;
      this.#receive = receive;
    },
    goLive: () => {
      this.#receive = null;
    },
    replay: (message) => void this.got.push(message),
    watch: () => {},
    ready: () => {
      const next = this.#steps.shift();
      return next === undefined ? null : this.take(next);
    },
  };

  async take(next: Step): Promise<void> {
    switch (next.kind) {
      case "send": {
        this.#sent += 1;
        const conversationId = CONVERSATIONS[next.conversation];
        const recipientId = next.from === "alice" ? "bob" : "alice";
        this.harness.send(next.from, { conversationId, recipientId, content: `${this.#sent}` });
        break;
      }
      case "commit":
        if (this.held.isCommitting) await this.held.release();
        break;
      case "break":
        this.held.isFailing = true;
        break;
      case "mend":
        this.held.isFailing = false;
        break;
      case "receive":
        for (const message of this.#shown.splice(0)) {
          if (message.senderId !== "bob")
            await this.harness.chat.receipts.delivered("bob", message);
        }
    }
    await settled();
  }

  async commitAll(): Promise<void> {
    this.held.isFailing = false;
    do {
      while (this.held.isCommitting) await this.held.release();
      this.harness.clock.advance(10_000);
      await settled();
    } while (this.held.isCommitting);
  }

  async stored(conversationId: string): Promise<StoredMessage[]> {
    return await this.held.inner.history({ conversationId, afterSeq: 0, limit: 10_000 });
  }
}

test("whatever happens meanwhile, a device that says how far it has come gets the rest once, in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.array(step, { maxLength: 30 }),
      fc.array(step, { maxLength: 10 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (before, meanwhile, after, share) => {
        const world = new World(meanwhile);
        world.held.isHolding = true;
        for (const next of before) await world.take(next);
        // Somewhere in what is on disk.
        const positions: Record<string, { seq: number; id: string }> = {};
        for (const conversationId of CONVERSATIONS) {
          const stored = await world.stored(conversationId);
          const last = stored[Math.floor(share * stored.length) - 1];
          if (stored.length > 0) {
            positions[conversationId] = { seq: last?.seq ?? 0, id: last?.id ?? "" };
          }
        }
        const sync = syncFrom(positions);
        await world.harness.chat.replayTo("bob", world.reader).start([sync]);
        const { conversations } = sync.outcome();
        expect([...conversations.values()].some((state) => state?.resync)).toBe(false);
        for (const next of after) await world.take(next);
        await world.commitAll();
        expect(world.harness.faults).toEqual([]);
        for (const [conversationId, { seq: fromSeq }] of Object.entries(positions)) {
          const stored = (await world.stored(conversationId)).filter(({ seq }) => seq > fromSeq);
          const isKept = new Set(stored.map(({ id }) => id));
          // What was never confirmed may have been shown and lost.
          const kept = world.got.filter(({ id }) => isKept.has(id));
          const here = kept.filter((message) => message.conversationId === conversationId);
          expect(here.map(({ seq }) => seq)).toEqual(stored.map(({ seq }) => seq));
        }
      },
    ),
    { numRuns: 300 },
  );
});
