import { countLost, noFaults } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import { ClientHeartbeats } from "./client-heartbeats.ts";
import { makeConversation } from "./conversations.ts";
import { after, numberAt } from "./frame-fields.ts";
import type { Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { MessageLedger, type MessageTimes } from "./message-ledger.ts";
import { runOpenLoop } from "./open-loop.ts";
import type { PhaseWork } from "./phase.ts";
import { Signals } from "./signals.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

export type EventKind = "direct" | "group" | "typing" | "read" | "presence" | "return";

const MEMBERS = 10;
/** Users beside the others, who lose their connection and come back. */
const COMMUTERS = 100;
/** What clients offer and ask for unless they are told otherwise. */
const HEARTBEAT_MS = 10_000;
/** With no divisor in common with the number of users: neighbours do not act one after the other. */
const STRIDE = 7;
const CONTENT = "The quick brown fox jumps over the lazy dog. ".repeat(3).slice(0, 128);

const SUBSCRIPTION = Buffer.from("\nsubscription:sub-");
const CONVERSATION = Buffer.from('"conversationId":"');
const MESSAGE_ID = Buffer.from('"id":"');
const READ_ID = Buffer.from('"messageId":"');
const USER = Buffer.from('"userId":"user-');
const IS_TYPING = Buffer.from('"isTyping":');
const STATUS = Buffer.from('"status":"');
const ID_LENGTH = 36;
const LETTER_A = 65;
const LETTER_G = 103;
const LETTER_T = 116;

function timesOf(kind: string): MessageTimes {
  return {
    toReceipt: new Latencies(`${kind}: send → receipt`),
    toSent: new Latencies(`${kind}: send → SENT`),
    toDelivered: new Latencies(`${kind}: send → DELIVERED`),
  };
}

/** Users who do a bit of everything, and what has come of each thing. */
export class MixedDayCrowd {
  readonly faults = noFaults();
  readonly #direct = timesOf("direct");
  readonly #group = timesOf("group of ten");
  readonly #toTyping = new Latencies("typing → seen by the other");
  readonly #toRead = new Latencies("read → receipt");
  readonly #toPresence = new Latencies("presence → seen by each");
  readonly #toReturn = new Latencies("return → five subscriptions");
  readonly latencies = [
    ...Object.values(this.#direct),
    ...Object.values(this.#group),
    ...[this.#toTyping, this.#toRead, this.#toPresence, this.#toReturn],
  ];
  readonly #users: number;
  readonly #target: Target;
  readonly #loop = new BusyLoop();
  readonly #ledger = new MessageLedger(this.faults);
  readonly #typing: Signals;
  readonly #presence: Signals;
  #clients: StompClient[] = [];
  #commuters: StompClient[] = [];
  #beats: readonly ClientHeartbeats[] = [];
  /** By reader: the last direct message that they have not said to have read. */
  readonly #unread = new Map<number, string>();
  /** By message: when its reading was due to be told. */
  readonly #readDueMs = new Map<string, number>();
  #returning = 0;
  #deliveries = 0;
  #progressMs = 0;
  readonly #acted: Record<EventKind, number> = {
    ...{ direct: 0, group: 0, typing: 0, read: 0, presence: 0, return: 0 },
  };

  constructor(users: number, target: Target) {
    this.#users = users;
    this.#target = target;
    this.#typing = new Signals(this.#toTyping, users, 1);
    this.#presence = new Signals(this.#toPresence, users, users);
  }

  async connect(): Promise<void> {
    for (let group = 0; group < this.#users / MEMBERS; group += 1) {
      const members = Array.from({ length: MEMBERS }, (_, at) => `user-${group * MEMBERS + at}`);
      await makeConversation(this.#target, `group-${group}`, members);
    }
    for (let pair = 0; pair < this.#users / 2; pair += 1) {
      const members = [`user-${2 * pair}`, `user-${2 * pair + 1}`];
      await makeConversation(this.#target, `pair-${pair}`, members);
    }
    this.#clients = await connectMany(this.#users, async (user) => {
      const client = await this.#open(`user-${user}`, (bytes, start, end) =>
        this.#received(user, bytes, start, end),
      );
      await client.subscribe({ "sub-5": `/topic/typing/pair-${user >> 1}` });
      return client;
    });
    this.#commuters = await connectMany(COMMUTERS, (index) => this.#openCommuter(index));
    this.#beats = [this.#clients, this.#commuters].map(
      (clients) => new ClientHeartbeats(clients, HEARTBEAT_MS),
    );
  }

  async live(
    perSecond: number,
    seconds: number,
    send: (dueMs: number) => void,
  ): Promise<PhaseWork> {
    this.#deliveries = 0;
    const before = this.#total();
    const { wallMs, cpuMs } = await runOpenLoop(this.#loop, {
      ...{ perSecond, seconds, send },
      isDrained: () => this.#missing() === 0,
      progressMs: () => this.#progressMs,
    });
    return { messages: this.#total() - before, deliveries: this.#deliveries, wallMs, cpuMs };
  }

  close(): void {
    this.#ledger.close();
    this.faults.lost += this.#missing() - this.#ledger.incomplete;
    for (const beats of this.#beats) beats.stop();
    for (const client of [...this.#clients, ...this.#commuters]) client.close();
  }

  act(kind: EventKind, dueMs: number): void {
    const number = this.#acted[kind];
    const user = (number * STRIDE) % this.#users;
    if (kind === "read" && this.#unread.size === 0) return; // Nothing came since.
    this.#acted[kind] = number + 1;
    switch (kind) {
      case "direct":
        this.#write(user, `pair-${user >> 1}`, this.#ledger.sent(dueMs, 1, this.#direct));
        break;
      case "group":
        this.#write(
          user,
          `group-${Math.floor(user / MEMBERS)}`,
          this.#ledger.sent(dueMs, MEMBERS - 1, this.#group),
        );
        break;
      case "typing":
        this.#send(user, `/app/chat.typing/pair-${user >> 1}`, {
          isTyping: this.#typing.flip(user, dueMs),
        });
        break;
      case "read":
        this.#read(dueMs);
        break;
      case "presence":
        this.#send(user, "/app/user.presence", {
          status: this.#presence.flip(user, dueMs) ? "AWAY" : "ONLINE",
        });
        break;
      case "return":
        this.#return(number % COMMUTERS, dueMs);
        break;
    }
  }

  #write(user: number, conversationId: string, clientMessageId: string): void {
    this.#send(user, "/app/chat.send", { conversationId, content: CONTENT, clientMessageId });
  }

  /** Whoever has waited longest with it reads what they got last. */
  #read(dueMs: number): void {
    const [next] = this.#unread;
    if (next === undefined) return;
    const [reader, id] = next;
    this.#unread.delete(reader);
    this.#readDueMs.set(id, dueMs);
    this.#send(reader, "/app/chat.read", { id });
  }

  #return(index: number, dueMs: number): void {
    this.#commuters[index]?.close();
    this.#returning += 1;
    this.#openCommuter(index).then(
      (client) => {
        this.#commuters[index] = client;
        this.#returning -= 1;
        this.#progressMs = performance.now();
        this.#toReturn.record(this.#progressMs - dueMs);
      },
      (fault: unknown) => {
        console.error(fault);
        this.faults.disconnected += 1;
        this.#returning -= 1;
      },
    );
  }

  #send(user: number, destination: string, body: object): void {
    this.#clients[user]?.send(`SEND\ndestination:${destination}\n\n${JSON.stringify(body)}\0`);
  }

  /** Subscriptions are numbered as most libraries do it. */
  #received(user: number, bytes: Buffer, start: number, end: number): void {
    this.#loop.worked();
    this.#deliveries += 1;
    this.#progressMs = performance.now();
    switch (numberAt(bytes, after(bytes, SUBSCRIPTION, start, end))) {
      case 0:
        this.#gotMessage(user, bytes, start, end);
        break;
      case 1:
        this.#ledger.confirmed(bytes, start, end);
        break;
      case 2:
        this.#gotReceipt(bytes, start, end);
        break;
      case 3:
        if (this.faults.refused === 0) console.error(bytes.toString("utf8", start, end));
        this.#ledger.refused(bytes, start, end);
        break;
      case 4:
        this.#gotPresence(user, bytes, start, end);
        break;
      default:
        this.#gotTyping(user, bytes, start, end);
        break;
    }
  }

  #gotMessage(user: number, bytes: Buffer, start: number, end: number): void {
    const isGroup = bytes[after(bytes, CONVERSATION, start, end)] === LETTER_G;
    this.#ledger.received(isGroup ? `${user} in a group` : `${user}`, bytes, start, end);
    if (isGroup) return;
    const at = after(bytes, MESSAGE_ID, start, end);
    this.#unread.set(user, bytes.toString("latin1", at, at + ID_LENGTH));
  }

  #gotReceipt(bytes: Buffer, start: number, end: number): void {
    const at = after(bytes, READ_ID, start, end);
    const id = bytes.toString("latin1", at, at + ID_LENGTH);
    const dueMs = this.#readDueMs.get(id);
    if (dueMs === undefined) this.faults.doubled += 1;
    else this.#toRead.record(this.#progressMs - dueMs);
    this.#readDueMs.delete(id);
  }

  #gotPresence(user: number, bytes: Buffer, start: number, end: number): void {
    const at = after(bytes, USER, start, end);
    if (at === -1) return; // A commuter's.
    const isAway = bytes[after(bytes, STATUS, start, end)] === LETTER_A;
    this.#presence.saw(numberAt(bytes, at), user, isAway, this.#progressMs);
  }

  #gotTyping(user: number, bytes: Buffer, start: number, end: number): void {
    const typist = numberAt(bytes, after(bytes, USER, start, end));
    if (typist === user) return;
    const isTyping = bytes[after(bytes, IS_TYPING, start, end)] === LETTER_T;
    this.#typing.saw(typist, 0, isTyping, this.#progressMs);
  }

  #missing(): number {
    const signals = this.#typing.unseen + this.#presence.unseen;
    return this.#ledger.incomplete + this.#readDueMs.size + signals + this.#returning;
  }

  #total(): number {
    return Object.values(this.#acted).reduce((sum, count) => sum + count, 0);
  }

  #openCommuter(index: number): Promise<StompClient> {
    return this.#open(`commuter-${index}`, () => {
      this.#deliveries += 1;
    });
  }

  async #open(
    userId: string,
    onMessage: (bytes: Buffer, start: number, end: number) => void,
  ): Promise<StompClient> {
    const { port } = this.#target;
    const onLost = countLost(this.faults, userId);
    const heartBeat = `${HEARTBEAT_MS},${HEARTBEAT_MS}`;
    const client = await StompClient.connect({ port, userId, heartBeat, onMessage, onLost });
    await client.subscribe({
      "sub-0": "/user/queue/messages",
      "sub-1": "/user/queue/confirmations",
      "sub-2": "/user/queue/receipts",
      "sub-3": "/user/queue/errors",
      "sub-4": "/topic/presence",
    });
    return client;
  }
}
