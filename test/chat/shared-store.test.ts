import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/chat/actor.ts";
import type { NewMessage } from "../../src/chat/new-message.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { AppError } from "../../src/errors.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { DeferredStore } from "../support/deferred-store.ts";
import { HeldStore, settled } from "../support/held-store.ts";
import { refusalOf } from "../support/refusal.ts";

/** One of several servers that write to a store. */
class Node {
  readonly held: HeldStore<ChatStore>;
  readonly harness;
  readonly outcomes: { content: string; error: string | null; kept: { id: string } | null }[] = [];

  constructor(store: ChatStore) {
    this.held = HeldStore.over(store);
    this.harness = chatHarness(this.held.store, {
      ...{ delivery: "durable", tellsEvents: true, uncommittedMessages: 10_000 },
    });
  }

  send(from: string, content: string, fields: Partial<NewMessage> = {}): void {
    const input: NewMessage = {
      ...{ conversationId: "team", recipientId: null, clientMessageId: content, type: "TEXT" },
      ...{ content, replyTo: null, mentions: null, disappearAfterSeconds: null },
      ...{ attachments: null, ...fields },
    };
    const told = (error: { code: string } | null, kept: { id: string } | null) =>
      this.outcomes.push({ content, error: error?.code ?? null, kept });
    const sender = { userId: from, name: from };
    const taken = this.harness.chat.messages.send(sender, input, null, told);
    if (taken instanceof Promise) taken.catch((error) => told(error, null));
  }

  async commit(): Promise<void> {
    if (this.held.isCommitting) await this.held.release();
    await settled();
  }

  get sent(): string[] {
    return this.outcomes.map(({ content, error }) => error ?? content);
  }
}

async function nodes(isDeferred = false) {
  const inner = new MemoryChatStore();
  const store = isDeferred ? new DeferredStore(inner) : inner;
  const [one, other] = [new Node(store), new Node(store)];
  await createGroup(one.harness.chat, "team", ["alice", "bob"]);
  await settled();
  for (const { held } of [one, other]) held.isHolding = true;
  const finish = async () => {
    for (let round = 0; round < 1_000 && [one, other].some(({ held }) => held.isCommitting); ) {
      round += 1;
      await one.commit();
      await other.commit();
    }
    for (const { harness } of [one, other]) {
      await harness.chat.journal.drained();
      expect(harness.faults).toEqual([]);
    }
  };
  const stored = () => inner.history({ conversationId: "team", limit: 10_000 });
  return { inner, one, other, finish, stored };
}

const contentsOf = (messages: readonly StoredMessage[]) =>
  messages.filter(({ event }) => event === null).map(({ content }) => content);

function expectNoHoles(messages: readonly StoredMessage[]): void {
  expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 1));
}

describe.each([
  ["at once", false],
  ["by promises", true],
])("of a store that several servers write to, and that answers %s,", (_name, isDeferred) => {
  test("a message that another server's was before comes behind it, and nobody is told otherwise", async () => {
    const { one, other, finish, stored } = await nodes(isDeferred);
    one.send("alice", "a1");
    other.send("bob", "b1");
    await settled();
    await one.commit();
    other.send("bob", "b2");
    await finish();
    expect(contentsOf(stored())).toEqual(["a1", "b1", "b2"]);
    expectNoHoles(stored());
    expect(other.sent).toEqual(["b1", "b2"]);
    const shown = other.harness.outlet.bodies("message", "alice");
    expect(shown.map(({ content, seq }) => [content, seq])).toEqual([
      ["b1", 3],
      ["b2", 4],
    ]);
    const confirmed = other.harness.outlet.bodies("confirmation", "bob");
    expect(confirmed.map(({ seq, status }) => [seq, status])).toEqual([
      [3, "SENT"],
      [4, "SENT"],
    ]);
  });

  test("it does so within its commit, and takes no other message back", async () => {
    const { inner, one, other, finish } = await nodes(isDeferred);
    const ab = { conversationId: "ab" };
    other.send("bob", "warm", { ...ab, recipientId: "alice" });
    other.send("carol", "aside", { conversationId: "cd", recipientId: "dave" });
    await settled();
    await finish();
    const before = other.held.batches.length;
    one.send("alice", "a1", ab);
    other.send("carol", "first", { conversationId: "cd" });
    await settled();
    other.send("bob", "b1", ab);
    other.send("carol", "beside", { conversationId: "cd" });
    await one.commit();
    await other.commit();
    other.send("bob", "b2", ab);
    await other.commit();
    expect(other.sent.slice(2)).toEqual(["first", "b1", "beside"]);
    await other.commit();
    expect(other.sent.slice(5)).toEqual(["b2"]);
    expect(other.held.batches).toHaveLength(before + 3);
    await finish();
    const messages = inner.history({ ...ab, limit: 10 });
    expect(contentsOf(messages)).toEqual(["warm", "a1", "b1", "b2"]);
    expectNoHoles(messages);
    // What Bob has not received is before what he said.
    const bob = inner.conversation("ab")?.members.find(({ userId }) => userId === "bob");
    expect(bob?.deliveredSeq).toBe(1);
  });

  test("what came behind others and was not committed, since another message was refused, is sent once more", async () => {
    const { one, other, finish, stored } = await nodes(isDeferred);
    const aside = { conversationId: "aside", recipientId: "dave" };
    other.send("bob", "first");
    await settled();
    other.send("bob", "b1");
    other.send("carol", "once", aside);
    await other.commit();
    other.send("bob", "b2");
    one.send("carol", "once", aside);
    await settled();
    one.send("alice", "a1");
    await one.commit();
    await one.commit();
    await finish();
    expect(other.sent.toSorted()).toEqual(["b1", "b2", "first", "once"]);
    expect(contentsOf(stored())).toEqual(["first", "a1", "b1", "b2"]);
    expectNoHoles(stored());
  });

  test("reactions come behind as messages do, a change of the group is made anew", async () => {
    const { one, other, finish, stored } = await nodes(isDeferred);
    other.send("bob", "warm");
    await settled();
    await finish();
    const [warm] = stored().filter(({ content }) => content === "warm");
    one.send("alice", "a1");
    const reacted = other.harness.chat.messageChanges.react(
      { userId: "bob", name: "bob" },
      warm?.id ?? "",
      "👍",
    );
    await settled();
    await one.commit();
    const before = other.held.batches.length;
    await other.commit();
    await reacted;
    expect(other.held.batches).toHaveLength(before);
    one.send("alice", "a2");
    const added = other.harness.chat.membership.add(SYSTEM, "team", "carol");
    await settled();
    await one.commit();
    await other.commit();
    expect(other.held.batches.length).toBeGreaterThan(before + 1);
    await finish();
    await added;
    expect(stored().map(({ type }) => type)).toEqual([
      ...["CONVERSATION_CREATED", "TEXT", "TEXT", "MESSAGE_REACTION", "TEXT", "MEMBER_ADDED"],
    ]);
    expectNoHoles(stored());
  });

  test("what is sent to two of them at once is one message, and both confirm it", async () => {
    const { one, other, finish, stored } = await nodes(isDeferred);
    one.send("alice", "once");
    other.send("alice", "once");
    other.send("alice", "then");
    await settled();
    await one.commit();
    await finish();
    expect(contentsOf(stored())).toEqual(["once", "then"]);
    const kept = stored().find(({ content }) => content === "once");
    for (const { outcomes } of [one, other]) {
      const outcome = outcomes.find(({ content }) => content === "once");
      expect(outcome).toMatchObject({ error: null, kept: { id: kept?.id } });
    }
  });

  test("who is no member any more, by another server, is refused", async () => {
    const { one, other, finish, stored } = await nodes(isDeferred);
    other.send("bob", "warm");
    await settled();
    await finish();
    const removed = one.harness.chat.membership.remove(SYSTEM, "team", "bob");
    await settled();
    other.send("bob", "too late");
    await settled();
    await one.commit();
    await finish();
    await removed;
    expect(other.sent).toEqual(["warm", "CONVERSATION_NOT_FOUND"]);
    expect(contentsOf(stored())).toEqual(["warm"]);
    expect(other.harness.outlet.of("left").map(({ to }) => to)).toContain("bob");
  });

  test("a direct conversation that both open is one", async () => {
    const { inner, one, other, finish } = await nodes(isDeferred);
    const direct = { conversationId: "ab", recipientId: "bob" };
    one.send("alice", "from one", direct);
    other.send("bob", "from the other", { ...direct, recipientId: "alice" });
    await settled();
    await finish();
    const messages = inner.history({ conversationId: "ab", limit: 10 });
    expect(contentsOf(messages)).toEqual(["from one", "from the other"]);
    expectNoHoles(messages);
  });

  test("one's own messages count as received wherever they come to stand", async () => {
    const { inner, one, other, finish } = await nodes(isDeferred);
    const direct = { conversationId: "ab", recipientId: "bob" };
    one.send("alice", "first", direct);
    await settled();
    await finish();
    one.send("alice", "second", direct);
    other.send("alice", "second", direct);
    other.send("alice", "third", direct);
    await settled();
    await one.commit();
    await finish();
    expect(contentsOf(inner.history({ conversationId: "ab", limit: 10 }))).toHaveLength(3);
    const [alice] = inner.conversation("ab")?.members ?? [];
    expect(alice).toMatchObject({ userId: "alice", deliveredSeq: 3, readSeq: 3 });
  });
});

test("when it cannot be found out what others have written, nothing is kept, and a change is undone", async () => {
  const { inner, one, other } = await nodes();
  const carol = other.harness.chat.membership.add(SYSTEM, "team", "carol");
  await settled();
  await other.commit();
  await carol;
  const added = refusalOf(() => one.harness.chat.membership.add(SYSTEM, "team", "dave"));
  one.send("alice", "a1");
  await settled();
  const { conversation } = one.held.store;
  one.held.store.conversation = () =>
    Promise.reject(new AppError("STORAGE_UNAVAILABLE", "cut off"));
  await one.commit();
  expect(await added).toBe("STORAGE_UNAVAILABLE");
  expect(one.sent).toEqual(["STORAGE_UNAVAILABLE"]);
  one.held.store.conversation = conversation;
  const cached = await one.harness.chat.conversations.find("team");
  expect([...(cached?.members.keys() ?? [])]).toEqual(["alice", "bob"]);
  one.send("alice", "a1");
  await settled();
  while (one.held.isCommitting) await one.commit();
  expect(one.sent.at(-1)).toBe("a1");
  expect(contentsOf(inner.history({ conversationId: "team", limit: 10 }))).toEqual(["a1"]);
});

type Step =
  | {
      readonly kind: "send";
      readonly at: 0 | 1;
      readonly from: "alice" | "bob";
      readonly to: "team" | "aside";
    }
  | { readonly kind: "repeat" | "commit" | "join" | "part"; readonly at: 0 | 1 };

const at = fc.constantFrom(0 as const, 1 as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ kind: fc.constant("send" as const), at },
      from: fc.constantFrom("alice" as const, "bob" as const),
      to: fc.constantFrom("team" as const, "team" as const, "aside" as const),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("commit" as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("repeat" as const, "join" as const, "part" as const),
      at,
    }),
  },
);

test("whatever two servers do at once, nothing is lost, doubled or refused, and no seq is left out", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.boolean(),
      async (steps, isDeferred) => {
        const { inner, one, other, finish } = await nodes(isDeferred);
        const aside = createGroup(one.harness.chat, "aside", ["alice", "bob"]);
        await settled();
        await finish();
        await aside;
        const both = [one, other] as const;
        const said: { content: string; from: string; to: string }[] = [];
        let asked = 0;
        const changes: Promise<unknown>[] = [];
        for (const each of steps) {
          const node = both[each.at];
          const { membership } = node.harness.chat;
          if (each.kind === "send") {
            asked += 1;
            said.push({ content: `${said.length}`, from: each.from, to: each.to });
            node.send(each.from, `${said.length - 1}`, { conversationId: each.to });
          } else if (each.kind === "repeat") {
            const last = said.at(-1);
            if (last === undefined) continue;
            asked += 1;
            node.send(last.from, last.content, { conversationId: last.to });
          } else if (each.kind === "commit") await node.commit();
          else if (each.kind === "join") {
            changes.push(membership.add(SYSTEM, "team", "dave"));
          } else changes.push(membership.remove(SYSTEM, "team", "dave"));
          await settled();
        }
        await finish();
        await Promise.all(changes);
        const storedOf = (conversationId: string) =>
          inner.history({ conversationId, limit: 10_000 });
        for (const conversationId of ["team", "aside"]) {
          const messages = storedOf(conversationId);
          expectNoHoles(messages);
          const own = said.filter(({ to }) => to === conversationId);
          const contents = own.map(({ content }) => content);
          expect(contentsOf(messages).toSorted()).toEqual(contents.toSorted());
          // In the order in which it was sent to a server, but for what was sent to both.
          for (const [{ sent }, { sent: others }] of [both, both.toReversed()] as const) {
            const isOwn = (content: string) => sent.includes(content) && !others.includes(content);
            const ofOne = contentsOf(messages).filter(isOwn);
            expect(ofOne).toEqual(ofOne.toSorted((a, b) => Number(a) - Number(b)));
          }
        }
        const messages = ["team", "aside"].flatMap(storedOf);
        for (const { outcomes } of both) {
          for (const { content, error, kept } of outcomes) {
            expect([content, error]).toEqual([content, null]);
            expect(messages.find(({ id }) => id === kept?.id)?.content).toBe(content);
          }
        }
        expect(one.outcomes.length + other.outcomes.length).toBe(asked);
        const dave = inner.conversation("team")?.members.find(({ userId }) => userId === "dave");
        const lastJoin = messages.findLast(({ type }) => type === "MEMBER_ADDED");
        if (dave !== undefined) expect(dave.joinedSeq).toBe((lastJoin?.seq ?? 0) - 1);
      },
    ),
    { numRuns: 200 },
  );
}, 60_000);
