import type { Chat, ChatOptions } from "../../src/chat/chat.ts";
import type { OtherNodes } from "../../src/chat/other-nodes.ts";
import type { ChatStore } from "../../src/chat/ports.ts";
import type { ReplayReader } from "../../src/chat/replay.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { SyncRequest } from "../../src/chat/sync.ts";
import type { Clock } from "../../src/clock.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness, type Harness } from "./chat-harness.ts";
import { DeferredStore } from "./deferred-store.ts";
import { FakeClock } from "./fake-clock.ts";
import { HeldStore, settled } from "./held-store.ts";

interface OnItsWay {
  readonly userId: string | null;
  readonly notice: Uint8Array;
}

/** A user's connection to a node. */
export class NodeDevice implements ReplayReader {
  /** What it was sent, live and replayed. */
  readonly got: StoredMessage[] = [];
  /** Ids of its user's messages that it was told are DELIVERED. */
  readonly delivered: string[] = [];
  isOpen = true;
  caughtUp: Promise<void> = Promise.resolve();
  /** Until then it takes nothing. */
  pause: Promise<void> | null = null;
  #receive: ((message: StoredMessage) => void) | null = null;

  constructor(
    readonly node: ChatNode,
    readonly userId: string,
  ) {}

  live(message: StoredMessage): void {
    if (this.#receive === null) this.got.push(message);
    else this.#receive(message);
  }

  hold(receive: (message: StoredMessage) => void): void {
    this.#receive = receive;
  }
  goLive(): void {
    this.#receive = null;
  }
  replay(message: StoredMessage): void {
    this.got.push(message);
  }
  ready(): Promise<void> | null {
    return this.pause;
  }

  contents(conversationId = "c"): string[] {
    return this.got.filter((each) => each.conversationId === conversationId).map(contentOf);
  }
}

const contentOf = ({ content }: StoredMessage) => content;

/** One of several nodes with the same store. */
export class ChatNode implements OtherNodes {
  readonly held: HeldStore<ChatStore>;
  readonly harness: Harness;
  readonly devices = new Set<NodeDevice>();
  /** By node: what that node will be told by this one. */
  readonly outgoing = new Map<ChatNode, OnItsWay[]>();
  readonly #confirmations: (() => void)[] = [];
  /** Its machine's clock is so much ahead, or behind. */
  aheadMs = 0;
  onTold: () => void = () => {};
  isCutOff = false;
  /** Subscriptions to users' channels take effect when the test says so. */
  isSlow = false;
  #hasDropped = false;

  constructor(
    readonly nodes: ChatNodes,
    readonly name: string,
  ) {
    this.held = HeldStore.over<ChatStore>(nodes.store);
    const clock: Clock = {
      now: () => nodes.clock.now() + this.aheadMs,
      monotonicMs: () => nodes.clock.monotonicMs(),
      schedule: (delayMs, task) => nodes.clock.schedule(delayMs, task),
    };
    this.harness = chatHarness(this.held.store, {
      ...{ nodes: this, clock, tellsEvents: true, uncommittedMessages: 100_000 },
      ...nodes.options,
      newId: () => Bun.randomUUIDv7("hex", clock.now()),
      onTold: () => queueMicrotask(() => this.onTold()),
    });
    const { outlet } = this.harness;
    const told = outlet.message.bind(outlet);
    outlet.message = (userId, message, body, except) => {
      told(userId, message, body, except);
      for (const device of this.devices) if (device.userId === userId) device.live(message);
    };
    const confirmed = outlet.confirmation.bind(outlet);
    outlet.confirmation = (userId, body) => {
      confirmed(userId, body);
      const { status, messageId } = JSON.parse(body);
      if (status !== "DELIVERED") return;
      for (const device of this.devices) {
        if (device.userId === userId) device.delivered.push(messageId);
      }
    };
  }

  get chat(): Chat {
    return this.harness.chat;
  }

  /** The user connects, and is sent what they have not received, or what the syncs ask for. */
  async connect(
    userId: string,
    syncs: readonly SyncRequest[] = [],
    device = new NodeDevice(this, userId),
  ): Promise<NodeDevice> {
    this.devices.add(device);
    this.chat.presence.connected(userId, userId);
    device.caughtUp = this.chat.replayTo(userId, device).start(syncs);
    // It would miss messages unknowingly: it has to come again.
    device.caughtUp.catch(() => this.disconnect(device));
    await settled();
    return device;
  }

  disconnect(device: NodeDevice): void {
    if (!this.devices.delete(device)) return;
    device.isOpen = false;
    this.chat.presence.disconnected(device.userId);
  }

  heard(): Promise<void> | null {
    if (!this.isSlow || this.isCutOff) return null;
    return new Promise((resolve) => this.#confirmations.push(resolve));
  }

  /** The subscriptions that were waited for are in effect. */
  confirm(): void {
    for (const resolve of this.#confirmations.splice(0)) resolve();
  }

  toUser(userId: string, notice: Uint8Array): void {
    this.#publish({ userId, notice });
  }

  toAll(_key: string, notice: Uint8Array): void {
    this.#publish({ userId: null, notice });
  }

  #publish(onItsWay: OnItsWay): void {
    if (this.isCutOff) {
      this.#hasDropped = true;
      return;
    }
    for (const node of this.nodes.all) {
      if (node !== this && !node.isCutOff) this.#queueTo(node).push(onItsWay);
    }
  }

  #queueTo(node: ChatNode): OnItsWay[] {
    const queue = this.outgoing.get(node) ?? [];
    this.outgoing.set(node, queue);
    return queue;
  }

  /** The next notice for that node arrives. False: there is none. */
  arrive(node: ChatNode): boolean {
    const next = this.outgoing.get(node)?.shift();
    if (next === undefined) return false;
    const { userId, notice } = next;
    const isHere = () => [...node.devices].some((device) => device.userId === userId);
    if (userId !== null && !isHere()) return true;
    node.chat.nodeNotices?.received(userId, notice);
    return true;
  }

  /** The next notice for that node gets lost, and nobody notices. */
  lose(node: ChatNode): void {
    this.outgoing.get(node)?.shift();
  }

  /** As when a node stands still, or another one has died: something may have been missed. */
  recover(): void {
    const userIds = new Set([...this.devices].map(({ userId }) => userId));
    void this.chat.nodeNotices?.recover([...userIds]);
  }

  /** Nothing goes out any more, and nothing comes in. */
  cutOff(): void {
    if (this.isCutOff) return;
    this.isCutOff = true;
    this.#hasDropped = [...this.outgoing.values()].some((queue) => queue.length > 0);
    this.outgoing.clear();
    for (const node of this.nodes.all) node.outgoing.delete(this);
    this.chat.nodeNotices?.lost();
    this.confirm();
  }

  heal(): void {
    if (!this.isCutOff) return;
    this.isCutOff = false;
    this.recover();
    if (this.#hasDropped) this.chat.nodeNotices?.retell(true);
    this.#hasDropped = false;
  }
}

/** Several nodes whose commits and notices wait for the test. */
export class ChatNodes {
  readonly inner = new MemoryChatStore();
  readonly store: ChatStore;
  readonly clock = new FakeClock();
  readonly all: ChatNode[] = [];

  constructor(
    count: number,
    isDeferred = true,
    readonly options: Partial<ChatOptions> = {},
  ) {
    this.store = isDeferred ? new DeferredStore(this.inner) : this.inner;
    for (let index = 0; index < count; index += 1) {
      this.all.push(new ChatNode(this, `node ${index}`));
    }
  }

  at(index: number): ChatNode {
    const node = this.all[index];
    if (node === undefined) throw new TypeError("no such node");
    return node;
  }

  /**
   * The node is killed, which the others notice; another one takes its place.
   *
   * @param isCommitted the commit under way ends all the same, and nobody hears of it
   */
  async kill(index: number, isCommitted: boolean): Promise<void> {
    const killed = this.at(index);
    for (const device of [...killed.devices]) killed.disconnect(device);
    killed.isCutOff = true;
    killed.outgoing.clear();
    for (const node of this.all) node.outgoing.delete(killed);
    killed.held.isHolding = true;
    await killed.held.abandon(isCommitted);
    void killed.chat.stop();
    const next = new ChatNode(this, killed.name);
    next.held.isHolding = this.all.some(({ held }) => held.isHolding);
    this.all[index] = next;
    for (const node of this.all) if (node !== next && !node.isCutOff) node.recover();
  }

  /** As `settle`, and nobody is cut off. */
  async quiet(): Promise<void> {
    for (const node of this.all) {
      node.heal();
      node.isSlow = false;
    }
    await this.settle();
    // As every half minute.
    for (let words = 0; words < 2; words += 1) {
      for (const { chat } of this.all) {
        chat.nodeNotices?.retell(false);
        chat.nodeNotices?.wentOut();
      }
      await this.settle();
    }
  }

  /** All commits end, all notices arrive, all that waits for a while is done. */
  async settle(): Promise<void> {
    for (const node of this.all) node.confirm();
    for (let quietRounds = 0, round = 0; round < 10_000; round += 1) {
      let isBusy = false;
      for (const node of this.all) {
        while (node.held.isCommitting) {
          await node.held.release();
          isBusy = true;
        }
        for (const other of this.all) while (node.arrive(other)) isBusy = true;
      }
      await settled();
      this.clock.advance(100);
      await settled();
      quietRounds = isBusy ? 0 : quietRounds + 1;
      if (quietRounds === 3) return;
    }
    throw new Error("the nodes do not come to rest");
  }

  faults(): unknown[] {
    return this.all.flatMap(({ harness }) => harness.faults);
  }
}
