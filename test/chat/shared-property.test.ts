import { expect, test } from "bun:test";
import fc from "fast-check";
import { SYSTEM } from "../../src/chat/actor.ts";
import { FIRST_POSITION, type MessageFeed } from "../../src/chat/message-feed.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { SyncOutcome } from "../../src/chat/sync.ts";
import type { AppError } from "../../src/errors.ts";
import { createGroup } from "../support/chat-harness.ts";
import { type ChatNode, ChatNodes, NodeDevice } from "../support/chat-nodes.ts";
import { settled } from "../support/held-store.ts";

/** Alice and Bob are members of the group for good; Cid comes and goes. */
const GROUP = "g";
const USERS = ["alice", "bob"] as const;
const CONVERSATIONS = ["c", GROUP] as const;

const node = fc.nat(2);
const user = fc.nat(1);
const kinds = <Kind extends string>(...all: [Kind, ...Kind[]]) => fc.constantFrom(...all);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: kinds("say"), node, user, to: fc.nat(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ kind: kinds("edit", "edit", "delete", "react", "pin"), node, user },
      message: fc.nat(20),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kinds("add", "remove", "title", "role"), node }) },
  { weight: 12, arbitrary: fc.record({ kind: kinds("arrive"), node, to: node }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds("lose"), node, to: node }) },
  { weight: 8, arbitrary: fc.record({ kind: kinds("commit"), node }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds("connect", "return", "feed"), node, user }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds("receive", "read"), device: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: kinds("kill"), node, isCommitted: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: kinds("cut", "heal", "slow", "confirm"), node }) },
  { weight: 3, arbitrary: fc.record({ kind: kinds("pass"), ms: fc.constantFrom(1, 20, 1_000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

/** A reader of a user's messages by `GET /api/events`, which has none at first. */
class Feed {
  readonly taken: StoredMessage[] = [];
  readonly device: NodeDevice;
  readonly isOpen = true;
  readonly hasRoom = true;

  constructor(node: ChatNode, userId: string) {
    this.device = new NodeDevice(node, userId);
    const feed: MessageFeed = node.chat.feedTo(userId, this, FIRST_POSITION);
    this.device.live = (message) => feed.receive(message, "");
    node.devices.add(this.device);
    node.chat.presence.connected(userId, userId);
    const { onTold } = node;
    node.onTold = () => {
      onTold();
      void feed.flush();
    };
    void feed.start();
  }

  has(): void {}
  caughtUp(): void {}
  ready(): null {
    return null;
  }
  take(message: StoredMessage): void {
    this.taken.push(message);
  }
}

/** Nodes that do as they are told, and what came of it. */
class Run {
  readonly devices: NodeDevice[] = [];
  readonly feeds: Feed[] = [];
  readonly rejected: unknown[] = [];
  /** By device that came back: the one that it was. */
  readonly before = new Map<NodeDevice, NodeDevice>();
  /** What devices have said that they received: by user and conversation, up to which seq. */
  readonly received = new Map<string, number>();
  readonly synced: { readonly device: NodeDevice; readonly outcome: SyncOutcome }[] = [];
  readonly #keepFault = (fault: unknown) => this.rejected.push(fault);
  #said = 0;

  constructor(readonly nodes: ChatNodes) {}

  async take(next: Step): Promise<void> {
    const { nodes } = this;
    if (next.kind === "pass") {
      nodes.clock.advance(next.ms);
      return;
    }
    if ("device" in next) {
      const device = this.devices[next.device % Math.max(1, this.devices.length)];
      // It may have to wait for commits.
      if (device?.isOpen === true) this.#receive(next.kind, device).catch(this.#keepFault);
      return;
    }
    const node = nodes.at(next.node);
    switch (next.kind) {
      case "say": {
        const [from, to] = [USERS[next.user] ?? "alice", CONVERSATIONS[next.to] ?? "c"];
        const recipientId = to === GROUP ? null : (USERS[1 - next.user] ?? "bob");
        this.#said += 1;
        node.harness.send(from, { conversationId: to, recipientId, content: `${this.#said}` });
        return;
      }
      case "arrive":
        node.arrive(nodes.at(next.to));
        return;
      case "lose":
        node.lose(nodes.at(next.to));
        return;
      case "commit":
        if (node.held.isCommitting) await node.held.release();
        return;
      case "connect":
        this.devices.push(await node.connect(USERS[next.user] ?? "alice"));
        return;
      case "return":
        await this.#return(node);
        return;
      case "feed":
        this.feeds.push(new Feed(node, USERS[next.user] ?? "alice"));
        return;
      case "kill":
        await nodes.kill(next.node, next.isCommitted);
        return;
      case "cut":
        node.cutOff();
        return;
      case "heal":
        node.heal();
        return;
      case "slow":
        node.isSlow = true;
        return;
      case "confirm":
        node.confirm();
        return;
      case "edit":
      case "delete":
      case "react":
      case "pin":
        this.#changeMessage(node, next);
        return;
      default:
        this.#changeGroup(node, next.kind);
    }
  }

  /** The device acknowledges all that it was sent. */
  async #receive(kind: "receive" | "read", device: NodeDevice): Promise<void> {
    const { node, userId, got } = device;
    const { receipts } = node.chat;
    const last = new Map<string, StoredMessage>();
    for (const message of got) {
      if (message.senderId === userId) continue;
      last.set(message.conversationId, message);
      const key = `${userId} ${message.conversationId}`;
      this.received.set(key, Math.max(message.seq, this.received.get(key) ?? 0));
      await receipts.delivered(userId, message);
    }
    if (kind === "receive") return;
    for (const { id } of last.values()) await receipts.read(userId, id, null);
  }

  /** A device that has gone comes back, and says what it has. */
  async #return(node: ChatNode): Promise<void> {
    const gone = this.devices.find((device) => !device.isOpen && !this.isBack(device));
    if (gone === undefined) return;
    const positions = new Map(
      CONVERSATIONS.map((id) => {
        const seqs = this.gotBy(gone, id).map(({ seq }) => seq);
        return [id, { seq: Math.max(0, ...seqs), id: null }];
      }),
    );
    const device = new NodeDevice(node, gone.userId);
    this.before.set(device, gone);
    const settledWith = (outcome: SyncOutcome | AppError) => {
      if ("conversations" in outcome) this.synced.push({ device, outcome });
    };
    const sync = { positions, bytes: 0, settled: settledWith };
    this.devices.push(await node.connect(gone.userId, [sync], device));
  }

  isBack(gone: NodeDevice): boolean {
    return [...this.before.values()].includes(gone);
  }

  /** By the device, and by the one that it was. */
  gotBy(device: NodeDevice, conversationId: string): StoredMessage[] {
    const before = this.before.get(device);
    const earlier = before === undefined ? [] : this.gotBy(before, conversationId);
    return [...earlier, ...device.got.filter((each) => each.conversationId === conversationId)];
  }

  #changeMessage(
    node: ChatNode,
    { kind, user, message: index }: Extract<Step, { readonly message: number }>,
  ): void {
    const userId = USERS[user] ?? "alice";
    const actor = { userId, name: userId };
    const texts = [...this.nodes.inner.history({ conversationId: GROUP, limit: 1_000 })].filter(
      ({ event, senderId }) => event === null && (kind === "react" || senderId === userId),
    );
    const message = texts[index % Math.max(1, texts.length)];
    if (message === undefined) return;
    this.#said += 1;
    const { messageChanges } = node.chat;
    const changes = {
      edit: () => messageChanges.edit(actor, message.id, `edit ${this.#said}`),
      delete: () => messageChanges.delete(actor, message.id),
      react: () => messageChanges.react(actor, message.id, `${this.#said}`),
      pin: () => messageChanges.pin(SYSTEM, message.id, message.pinnedMs === null),
    };
    changes[kind]().catch(this.#keepFault);
  }

  #changeGroup(node: ChatNode, kind: "add" | "remove" | "title" | "role"): void {
    const { membership, profiles, roles } = node.chat;
    this.#said += 1;
    const changes = {
      add: () => membership.add(SYSTEM, GROUP, "cid"),
      remove: () => membership.remove(SYSTEM, GROUP, "cid"),
      title: () => profiles.change(SYSTEM, GROUP, { title: `${this.#said}` }),
      role: () => roles.set(SYSTEM, GROUP, "bob", this.#said % 2 === 0 ? "admin" : "member"),
    };
    changes[kind]().catch(this.#keepFault);
  }
}

/** What its members have to know of the group, in memory or in the store. */
function shape(of: {
  readonly members: Iterable<{ readonly userId: string; readonly role: string }>;
  readonly title: string | null;
}) {
  return {
    title: of.title,
    members: [...of.members].map((each) => [each.userId, each.role]).sort(),
  };
}

async function setUp(isDeferred: boolean, tellsEvents: boolean): Promise<Run> {
  const nodes = new ChatNodes(3, isDeferred, { tellsEvents });
  await createGroup(nodes.at(0).chat, GROUP, USERS);
  nodes.at(0).harness.send("alice", { conversationId: "c", recipientId: "bob", content: "old" });
  await nodes.quiet();
  nodes.clock.advance(1_200_000);
  await nodes.quiet();
  for (const { held } of nodes.all) held.isHolding = true;
  return new Run(nodes);
}

function check(run: Run): void {
  const { nodes, devices, feeds } = run;
  for (const conversationId of CONVERSATIONS) {
    const stored = nodes.inner.history({ conversationId, limit: 10_000 });
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1));
    for (const device of devices) {
      const got = run.gotBy(device, conversationId);
      const seqs = got.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      if (!device.isOpen) continue;
      const isOthers = ({ senderId }: StoredMessage) => senderId !== device.userId;
      const ids = got.filter(isOthers).map(({ id }) => id);
      const all = stored.filter(isOthers).map(({ id }) => id);
      // What another device had received before this one came is not for it.
      expect(ids).toEqual(all.slice(all.length - ids.length));
      if (ids.length > 0 || run.received.size === 0) {
        const first = all.length - ids.length;
        const missing = stored.filter(isOthers)[first - 1]?.seq ?? 0;
        const received = run.received.get(`${device.userId} ${conversationId}`) ?? 0;
        expect(missing).toBeLessThanOrEqual(received);
      }
      checkChanges(got, stored);
    }
    for (const { device, taken } of feeds) {
      if (!device.isOpen) continue;
      const got = taken.filter((each) => each.conversationId === conversationId);
      expect(got.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
    }
    for (const member of nodes.inner.conversation(conversationId)?.members ?? []) {
      if (member.userId === "cid") continue;
      const own = stored.findLast(({ senderId }) => senderId === member.userId)?.seq ?? 0;
      const received = run.received.get(`${member.userId} ${conversationId}`) ?? 0;
      expect(member.deliveredSeq).toBeLessThanOrEqual(Math.max(own, received));
      expect(member.readSeq).toBeLessThanOrEqual(member.deliveredSeq);
    }
  }
  for (const { device, outcome } of run.synced) {
    for (const [id, state] of outcome.conversations) {
      const seqs = run.gotBy(device, id).map(({ seq }) => seq);
      if (device.isOpen) expect(Math.max(0, ...seqs)).toBeGreaterThanOrEqual(state?.seq ?? 0);
    }
  }
  for (const { delivered } of devices) expect(delivered).toEqual([...new Set(delivered)]);
  const stored = nodes.inner.conversation(GROUP);
  if (stored === null) throw new TypeError("there is no group");
  for (const { chat } of nodes.all) {
    const known = chat.conversations.peek(GROUP);
    if (known === undefined) continue;
    expect(shape({ ...known.profile, members: known.members.values() })).toEqual(shape(stored));
    expect(known.lastSeq).toBe(known.committedSeq);
    expect(known.lastSeq).toBeLessThanOrEqual(stored.lastSeq);
    for (const { userId, deliveredSeq, readSeq } of stored.members) {
      const member = known.members.get(userId);
      expect(member?.durableDeliveredSeq).toBeLessThanOrEqual(deliveredSeq);
      expect(member?.deliveredSeq).toBe(member?.durableDeliveredSeq);
      expect(member?.readSeq).toBeLessThanOrEqual(readSeq);
    }
  }
  expect(nodes.faults()).toEqual([]);
}

/** Of what was deleted nobody is told what it says any more. */
function checkChanges(got: readonly StoredMessage[], stored: readonly StoredMessage[]): void {
  const deletedSeq = new Map(
    stored
      .filter(({ type }) => type === "MESSAGE_DELETED")
      .map(({ replyTo, seq }) => [replyTo, seq]),
  );
  for (const { type, replyTo, seq, edited } of got) {
    if (type !== "MESSAGE_EDITED" || seq < (deletedSeq.get(replyTo) ?? seq + 1)) continue;
    expect(JSON.parse(edited ?? "{}").content ?? null).toBeNull();
  }
}

test("whatever is said, changed, lost and killed, every device gets everything and every node knows it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: "max" }),
      fc.boolean(),
      fc.boolean(),
      async (steps, isDeferred, tellsEvents) => {
        const run = await setUp(isDeferred, tellsEvents);
        for (const next of steps) {
          await run.take(next);
          await settled();
        }
        await run.nodes.quiet();
        await run.nodes.quiet();
        check(run);
      },
    ),
    { numRuns: 300 },
  );
}, 300_000);
