import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Replay, ReplayReader } from "../../src/chat/replay.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { Position, SyncOutcome } from "../../src/chat/sync.ts";
import { AppError } from "../../src/errors.ts";
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
  | { readonly kind: "receive" }
  /** The device says how far it has come. */
  | { readonly kind: "sync" };

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

const stepOrSync: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: step },
  { weight: 1, arbitrary: fc.constant({ kind: "sync" as const }) },
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
  onSync: () => void = () => {};
  onMessage: (message: StoredMessage) => void = (message) => this.got.push(message);

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
    this.harness.outlet.message = (userId, message) => {
      if (userId !== "bob") return;
      this.#shown.push(message);
      if (!this.#isListening) return;
      if (this.#receive === null) this.onMessage(message);
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
    replay: (message) => this.onMessage(message),
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
      case "sync":
        this.onSync();
        break;
      case "receive":
        for (const message of this.#shown.splice(0)) {
          if (message.senderId !== "bob")
            await this.harness.chat.receipts.delivered("bob", message);
        }
    }
    await settled();
  }

  /** What was to happen meanwhile, and has not, happens now. */
  async takeRest(): Promise<void> {
    for (let next = this.#steps.shift(); next !== undefined; next = this.#steps.shift()) {
      await this.take(next);
    }
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

/** A device that takes nothing out of turn: what is missing before it, it asks for again. */
class StrictDevice {
  /** By conversation, what it has: 1, 2, 3 … without a gap. */
  readonly has = new Map<string, StoredMessage[]>(CONVERSATIONS.map((id) => [id, []]));
  readonly #world: World;
  readonly #replay: Replay;

  constructor(world: World) {
    this.#world = world;
    this.#replay = world.harness.chat.replayTo("bob", world.reader);
    world.onMessage = (message) => this.#take(message);
    world.onSync = () => {
      this.sync().catch((fault: unknown) => world.harness.faults.push(fault));
    };
  }

  subscribe(): Promise<void> {
    return this.#replay.start([]);
  }

  /** Resolves when what the server answered has been obeyed, unless another replay is under way. */
  async sync(): Promise<void> {
    const positions = new Map<string, Position>();
    for (const [id, messages] of this.has) {
      positions.set(id, { seq: messages.length, id: messages.at(-1)?.id ?? null });
    }
    await this.#replay.sync({ positions, bytes: 0, settled: (outcome) => this.#obey(outcome) });
  }

  #take(message: StoredMessage): void {
    const messages = this.has.get(message.conversationId) ?? [];
    const known = messages[message.seq - 1];
    // Another message under a seq that it has: that one was lost, and what followed it.
    if (known !== undefined && known.id !== message.id) messages.length = message.seq - 1;
    if (message.seq === messages.length + 1) messages.push(message);
  }

  #obey(outcome: SyncOutcome | AppError): void {
    if (outcome instanceof AppError) throw outcome;
    for (const [id, state] of outcome.conversations) {
      if (state?.resync === false) continue;
      // Or there is none any more: its first message was lost.
      const history = this.#world.held.inner.history({ conversationId: id, limit: 10_000 });
      this.has.set(id, history);
    }
  }
}

test("whatever happens, a device that takes nothing out of turn has everything after a last sync", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 15 }),
      fc.array(stepOrSync, { maxLength: 40 }),
      fc.array(stepOrSync, { maxLength: 40 }),
      async (before, meanwhile, after) => {
        const world = new World(meanwhile);
        world.held.isHolding = true;
        for (const next of before) await world.take(next);
        const device = new StrictDevice(world);
        await device.subscribe();
        for (const next of after) await world.take(next);
        await world.takeRest();
        await world.commitAll();
        await settled();
        await device.sync();
        expect(world.harness.faults).toEqual([]);
        for (const id of CONVERSATIONS) {
          const stored = await world.stored(id);
          const has = device.has.get(id) ?? [];
          expect(has.map((message) => `${message.seq} ${message.id}`)).toEqual(
            stored.map((message) => `${message.seq} ${message.id}`),
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});
