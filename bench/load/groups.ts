import { countLost, noFaults, type Outcome } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import { makeConversation } from "./conversations.ts";
import type { GroupsScenario, Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { MessageLedger } from "./message-ledger.ts";
import { runOpenLoop } from "./open-loop.ts";
import { measurePhase, type PhaseWork } from "./phase.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const CONTENT = "The quick brown fox jumps over the lazy dog. ".repeat(3).slice(0, 128);
/** How long something unexpected may follow what was expected. */
const AFTERMATH_MS = 200;

const SUBSCRIPTION = Buffer.from("\nsubscription:");
const LETTER_C = 99;
const LETTER_M = 109;

/**
 * Members write to their groups at a rate that does not wait for the server; all times count from when
 * a message was due. It is complete when every other member has it and its sender has SENT and DELIVERED.
 */
export async function runGroups(scenario: GroupsScenario, target: Target): Promise<Outcome> {
  const { groups, members, messagesPerSecond, warmUpSeconds, seconds } = scenario;
  const crowd = new Groups(scenario, target);
  await crowd.connect();
  await crowd.exchange(warmUpSeconds);
  const crowds = `${groups} ${groups === 1 ? "group" : "groups"} of ${members.toLocaleString("en")}`;
  const name = `${crowds}, ${messagesPerSecond.toLocaleString("en")}/s`;
  const measurement = await measurePhase(name, target, crowd.latencies, () =>
    crowd.exchange(seconds),
  );
  await Bun.sleep(AFTERMATH_MS);
  crowd.close();
  return { measurements: [measurement], faults: crowd.faults };
}

export type GroupsOptions = Pick<GroupsScenario, "groups" | "members" | "messagesPerSecond">;

/** Groups, and what has come of each message. */
export class Groups {
  readonly faults = noFaults();
  readonly #times = {
    toReceipt: new Latencies("send → receipt"),
    toSent: new Latencies("send → SENT"),
    toDelivered: new Latencies("send → DELIVERED to all"),
  };
  readonly latencies = Object.values(this.#times);
  readonly #scenario: GroupsOptions;
  readonly #target: Target;
  readonly #loop = new BusyLoop();
  readonly #ledger: MessageLedger;
  #users: StompClient[] = [];
  #sent = 0;
  #deliveries = 0;
  #progressMs = 0;

  /** @param hasOtherNodes DELIVERED may be told by each of them */
  constructor(scenario: GroupsOptions, target: Target, hasOtherNodes = false) {
    this.#ledger = new MessageLedger(this.faults, hasOtherNodes);
    this.#scenario = scenario;
    this.#target = target;
  }

  /** How often DELIVERED has come again. */
  get repeated(): number {
    return this.#ledger.repeated;
  }

  /** @param portOf of the server that the user connects to */
  async connect(portOf: (user: number) => number = () => this.#target.port): Promise<void> {
    const { groups, members } = this.#scenario;
    for (let group = 0; group < groups; group += 1) {
      const memberIds = Array.from({ length: members }, (_, at) => `user-${group * members + at}`);
      await makeConversation(this.#target, `group-${group}`, memberIds);
    }
    this.#users = await connectMany(groups * members, async (user) => {
      const userId = `user-${user}`;
      const client = await StompClient.connect({
        ...{ port: portOf(user), userId, heartBeat: "0,0" },
        onMessage: (bytes, start, end) => this.#received(userId, bytes, start, end),
        onLost: countLost(this.faults, userId),
      });
      await client.subscribe({
        m: "/user/queue/messages",
        c: "/user/queue/confirmations",
        e: "/user/queue/errors",
      });
      return client;
    });
  }

  /** What has not come by now is lost. */
  close(): void {
    this.#ledger.close();
    for (const user of this.#users) user.close();
  }

  /** @param perSecond as the scenario has it, unless told otherwise */
  async exchange(
    seconds: number,
    perSecond = this.#scenario.messagesPerSecond,
  ): Promise<PhaseWork> {
    const refusedBefore = this.faults.refused;
    this.#deliveries = 0;
    const { count, ...took } = await runOpenLoop(this.#loop, {
      ...{ perSecond, seconds },
      send: (dueMs) => this.#send(dueMs),
      isDrained: () => this.#ledger.incomplete === 0,
      progressMs: () => this.#progressMs,
    });
    const messages = count - (this.faults.refused - refusedBefore);
    return { messages, deliveries: this.#deliveries, ...took };
  }

  /** Groups by turns, and their members. */
  #send(dueMs: number): void {
    const { groups, members } = this.#scenario;
    const group = this.#sent % groups;
    const user = group * members + (Math.floor(this.#sent / groups) % members);
    this.#sent += 1;
    const clientMessageId = this.#ledger.sent(dueMs, members - 1, this.#times);
    const body = `{"conversationId":"group-${group}","content":"${CONTENT}","clientMessageId":"${clientMessageId}"}`;
    this.#users[user]?.send(`SEND\ndestination:/app/chat.send\n\n${body}\0`);
  }

  #received(userId: string, bytes: Buffer, start: number, end: number): void {
    this.#loop.worked();
    this.#progressMs = performance.now();
    const subscription = bytes[bytes.indexOf(SUBSCRIPTION, start) + SUBSCRIPTION.length];
    if (subscription === LETTER_M) {
      this.#deliveries += 1;
      this.#ledger.received(userId, bytes, start, end);
    } else if (subscription === LETTER_C) {
      this.#ledger.confirmed(bytes, start, end);
    } else {
      if (this.faults.refused === 0) console.error(bytes.toString("utf8", start, end));
      this.#ledger.refused(bytes, start, end);
    }
  }
}
