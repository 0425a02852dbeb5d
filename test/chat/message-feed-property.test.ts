import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/chat/actor.ts";
import { farewellOf } from "../../src/chat/events.ts";
import { FIRST_POSITION } from "../../src/chat/message-feed.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { TimelyStore } from "../../src/chat/timely-store.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { createGroup } from "../support/chat-harness.ts";
import { Life, Reader } from "../support/feed-reader.ts";
import { HeldStore, settled } from "../support/held-store.ts";

const ROOMS = ["c1", "c2", "c3"] as const;
const LIFETIME_SECONDS = 60;

type Room = 0 | 1 | 2;

type Step =
  | {
      readonly kind: "send";
      readonly from: "alice" | "bob";
      readonly room: Room;
      readonly disappears: boolean;
    }
  /** Of a message that was said a moment ago, or long ago. */
  | { readonly kind: "edit" | "delete"; readonly back: number }
  /** Bob is removed from the room, or added to it. */
  | { readonly kind: "move"; readonly room: Room }
  /** The time of what disappears is over; the oldest messages are removed. */
  | { readonly kind: "pass" | "expire" }
  | { readonly kind: "commit" | "come" | "go" | "kill" | "burst" }
  /** What is told of a group waits for the disk, beside messages that do not. */
  | { readonly kind: "tell" }
  | { readonly kind: "break" | "mend" };

const room = fc.constantFrom<Room>(0, 1, 2);
const some = <Kind extends Step["kind"]>(...kinds: readonly Kind[]) =>
  fc.record({ kind: fc.constantFrom(...kinds) });

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        from: fc.constantFrom("alice" as const, "bob" as const),
        room,
        disappears: fc.boolean(),
      }),
    },
    { weight: 6, arbitrary: some("commit") },
    { weight: 3, arbitrary: some("tell") },
    { weight: 3, arbitrary: some("come", "go") },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("edit" as const, "delete" as const),
        back: fc.nat(6),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("move" as const), room }) },
    { weight: 1, arbitrary: some("pass", "expire") },
    { weight: 1, arbitrary: some("kill", "burst", "break", "mend") },
  ),
  { maxLength: 60 },
);

/** While it was on its way to disk, and came to nothing, these were told to the others alone. */
interface Removal {
  readonly conversationId: string;
  readonly afterSeq: number;
  /** null: it may still come to be. */
  uptoSeq: number | null;
}

/** Bob's client and the server, through whatever happens. */
class World {
  readonly #inner = new MemoryChatStore();
  readonly #isDeferred: boolean;
  #isDaveThere = false;
  life: Life;
  reader: Reader | null = null;
  /** What the client got, all its connections together. */
  readonly got: StoredMessage[] = [];
  /** What it was told that it must not be told. */
  readonly leaks: string[] = [];
  /** What was said, in the order of its being said. */
  readonly #said: string[] = [];
  #position: string = FIRST_POSITION;
  #sent = 0;
  readonly #meanwhile: Step[] = [];
  /** Ids of messages that retention has removed since the client came. */
  readonly #expired = new Set<string>();
  /** Of bob, that are not on disk. */
  readonly #removals = new Set<Removal>();

  constructor(isDeferred: boolean) {
    this.#isDeferred = isDeferred;
    this.life = this.#live();
  }

  #live(): Life {
    const isDeferred = this.#isDeferred;
    const life = new Life(HeldStore.over(this.#inner), { isDeferred, tellsEvents: true });
    const { outlet } = life.harness;
    const { message } = outlet;
    outlet.message = (userId, sent, body, except) => {
      if (sent.event === null && !this.#said.includes(sent.id)) this.#said.push(sent.id);
      message.call(outlet, userId, sent, body, except);
    };
    // What may have been missed is fetched anew.
    outlet.returned = (userId) => {
      if (userId === "bob") this.go();
    };
    return life;
  }

  async open(): Promise<void> {
    await createGroup(this.life.harness.chat, "c1", ["alice", "bob"]);
    await createGroup(this.life.harness.chat, "c2", ["alice", "bob"]);
    await createGroup(this.life.harness.chat, "c3", ["alice", "bob", "carol"]);
    await settled();
    this.life.held.isHolding = true;
  }

  async take(next: Step): Promise<void> {
    const { held, harness } = this.life;
    const { membership, messageChanges } = harness.chat;
    // Refused with the commit that it is a part of, or at once.
    const attempt = (change: Promise<unknown>) => void change.catch(() => {});
    switch (next.kind) {
      case "send": {
        this.#sent += 1;
        const disappearAfterSeconds = next.disappears ? LIFETIME_SECONDS : null;
        const message = { conversationId: ROOMS[next.room], content: `${this.#sent}` };
        // Bob may be no member.
        try {
          harness.send(next.from, { ...message, disappearAfterSeconds });
        } catch {}
        break;
      }
      case "burst": // More than is held.
        for (let count = 0; count < 1_100; count += 1) {
          this.#sent += 1;
          this.life.send("alice", ROOMS[count % 3] ?? "c1", `${this.#sent}`);
        }
        break;
      case "edit":
        attempt(messageChanges.edit(SYSTEM, this.#saidBack(next.back), `edit ${++this.#sent}`));
        break;
      case "delete":
        attempt(messageChanges.delete(SYSTEM, this.#saidBack(next.back)));
        break;
      case "move":
        attempt(this.#move(ROOMS[next.room]));
        break;
      case "pass":
        harness.clock.advance(1_000 * LIFETIME_SECONDS);
        break;
      case "expire":
        await this.#expire();
        break;
      case "tell": {
        const change = this.#isDaveThere ? membership.remove : membership.add;
        this.#isDaveThere = !this.#isDaveThere;
        attempt(change.call(membership, SYSTEM, "c3", "dave"));
        break;
      }
      case "commit":
        if (held.isCommitting) await held.release();
        break;
      case "break":
      case "mend":
        held.isFailing = next.kind === "break";
        break;
      case "come":
        await this.come();
        break;
      case "go":
        this.go();
        break;
      case "kill": {
        this.go();
        for (const removal of this.#removals) this.#undo(removal);
        await harness.chat.presence.stop();
        this.life = this.#live();
        this.life.held.isHolding = true;
        const { clock } = this.life.harness;
        clock.setWallBy(harness.clock.now() - clock.now());
      }
    }
    await settled();
  }

  /** Removes bob, or adds him. */
  async #move(conversationId: string): Promise<void> {
    const { conversations, membership } = this.life.harness.chat;
    const conversation = conversations.peek(conversationId);
    if (conversation?.members.has("bob") === false) {
      return membership.add(SYSTEM, conversationId, "bob");
    }
    const removal = { conversationId, afterSeq: conversation?.committedSeq ?? 0, uptoSeq: null };
    this.#removals.add(removal);
    try {
      await membership.remove(SYSTEM, conversationId, "bob");
      this.#removals.delete(removal);
    } catch {
      this.#undo(removal);
    }
  }

  #undo(removal: Removal): void {
    removal.uptoSeq ??= this.#inner.conversation(removal.conversationId)?.lastSeq ?? 0;
  }

  #saidBack(back: number): string {
    return this.#said.at(-1 - back) ?? "nothing";
  }

  async come(meanwhile: readonly Step[] = []): Promise<void> {
    if (this.reader !== null) return;
    const reader = new Reader(this.life, this.#position, (sent, body) => this.#check(sent, body));
    this.reader = reader;
    this.#meanwhile.push(...meanwhile);
    this.#expired.clear();
    reader.pace = () => {
      const next = this.#meanwhile.shift();
      return next === undefined ? null : this.take(next);
    };
    await reader.start();
  }

  async #expire(): Promise<void> {
    const all = () =>
      ROOMS.flatMap((conversationId) =>
        this.#inner.history({ conversationId, afterSeq: 0, limit: 100_000 }),
      );
    const before = all();
    await this.#inner.removeExpired({ beforeMs: null, keepLast: 3, after: null, limit: 100 });
    const kept = new Set(all().map(({ id }) => id));
    for (const { id } of before) if (!kept.has(id)) this.#expired.add(id);
  }

  /**
   * What the client is told is on disk, and what that says, unless it has just come there, or was removed
   * for its age since the client came, which had been read by then.
   */
  #check(sent: StoredMessage, body: string): void {
    this.got.push(sent);
    const now = new TimelyStore(this.#inner, this.life.harness.clock).messageById(sent.id);
    const { content } = JSON.parse(body);
    if (now === null && this.#expired.has(sent.id)) return;
    if (now === null || now instanceof Promise) {
      this.leaks.push(`${content}: is not on disk`);
      return;
    }
    // The last batch is perhaps on its way already, with what changes this message.
    const news = this.life.held.batches.slice(-2).flatMap(({ messages }) => messages);
    const isNew = news.some(({ id }) => id === sent.id);
    const isOver = sent.expiresMs !== null;
    if (content !== now.content && (isOver || !isNew))
      this.leaks.push(`${content} for ${now.content}`);
    const member = this.#inner
      .conversation(sent.conversationId)
      ?.members.find(({ userId }) => userId === "bob");
    const isTheirs = member !== undefined && member.joinedSeq < sent.seq;
    if (!isTheirs && !isNew && farewellOf(sent) !== "bob")
      this.leaks.push(`${content}: is not for bob`);
  }

  /** What was to happen meanwhile, and has not, happens now. */
  async takeRest(): Promise<void> {
    for (const next of this.#meanwhile.splice(0)) await this.take(next);
  }

  go(): void {
    this.#position = this.reader?.position ?? this.#position;
    this.reader?.close();
    this.reader = null;
    this.#meanwhile.length = 0;
  }

  async commitAll(): Promise<void> {
    const { held, harness } = this.life;
    held.isFailing = false;
    do {
      while (held.isCommitting) await held.release();
      harness.clock.advance(10_000);
      await settled();
    } while (held.isCommitting);
  }

  /** All that is kept for bob, and was told to him. */
  stored(): StoredMessage[] {
    const each = ROOMS.map((conversationId) => {
      const conversation = this.#inner.conversation(conversationId);
      const member = conversation?.members.find(({ userId }) => userId === "bob");
      const afterSeq = member?.joinedSeq ?? Number.MAX_SAFE_INTEGER;
      return this.#inner.history({ conversationId, afterSeq, limit: 100_000 });
    });
    const isTold = ({ conversationId, seq }: StoredMessage) =>
      ![...this.#removals].some(
        (undone) =>
          undone.conversationId === conversationId &&
          seq > undone.afterSeq &&
          seq <= (undone.uptoSeq ?? 0),
      );
    return each.flat().filter(isTold);
  }
}

test("whatever happens, a feed brings all that is on disk once, in the order of the ids, and as it is then", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, steps, fc.boolean(), async (before, meanwhile, after, late) => {
      const world = new World(late);
      await world.open();
      for (const next of before) await world.take(next);
      await world.come(meanwhile.filter(({ kind }) => kind !== "come"));
      await world.takeRest();
      for (const next of after) await world.take(next);
      await world.commitAll();
      await world.come();
      await world.commitAll();
      for (let turn = 0; world.reader?.feed.isWaiting && turn < 1_000; turn += 1) await settled();
      expect(world.life.harness.faults).toEqual([]);
      expect(world.reader?.caughtUpTimes).toBe(1);
      expect(world.leaks).toEqual([]);
      const got = world.got.map(({ id }) => id);
      const has = new Set(got);
      expect(got).toEqual([...has].toSorted());
      const missing = world.stored().filter(({ id }) => !has.has(id));
      expect(missing.map(({ conversationId, seq }) => [conversationId, seq])).toEqual([]);
    }),
    { numRuns: 300 },
  );
}, 60_000);
