import { countLost, noFaults, type Outcome } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import type { GroupsScenario, Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const CONTENT = "The quick brown fox jumps over the lazy dog. ".repeat(3).slice(0, 128);
/** What has not come is lost when nothing at all came for so long. */
const SILENCE_MS = 10_000;
const AFTERMATH_MS = 200;
const DIGITS = 8;

const ID = Buffer.from('"clientMessageId":"');
const SEQ = Buffer.from('"seq":');
const STATUS = Buffer.from('"status":"');
const LETTER_D = 68;

/**
 * Members write to their groups at a rate that does not wait for the server; all times count from when
 * a message was due. It is complete when every other member has it and its sender has SENT and DELIVERED.
 */
export async function runGroups(scenario: GroupsScenario, target: Target): Promise<Outcome> {
  const { groups, members, messagesPerSecond, warmUpSeconds, seconds } = scenario;
  const crowd = new Groups(scenario, target);
  await crowd.connect();
  await crowd.exchange(warmUpSeconds);
  crowd.forgetTimes();
  const cpuBefore = cpuSecondsOf(target.serverPid);
  const { count, wallMs, cpuMs } = await crowd.exchange(seconds);
  const serverCpuSeconds = cpuSecondsOf(target.serverPid) - cpuBefore;
  await Bun.sleep(AFTERMATH_MS);
  crowd.close();
  return {
    measurements: [
      {
        kind: "load",
        name: `${groups} groups of ${members}, ${messagesPerSecond.toLocaleString("en")}/s`,
        seconds: wallMs / 1_000,
        messages: count,
        deliveries: count * (members - 1),
        latencies: crowd.latencies.map((latencies) => latencies.summary()),
        serverCpuSeconds,
        serverRssBytes: rssBytesOf(target.serverPid),
        clientCpuSeconds: cpuMs / 1_000,
      },
    ],
    faults: crowd.faults,
  };
}

class Groups {
  readonly faults = noFaults();
  readonly #toReceipt = new Latencies("send → receipt");
  readonly #toSent = new Latencies("send → SENT");
  readonly #toDelivered = new Latencies("send → DELIVERED to all");
  readonly latencies = [this.#toReceipt, this.#toSent, this.#toDelivered];
  readonly #scenario: GroupsScenario;
  readonly #target: Target;
  readonly #loop = new BusyLoop();
  #users: StompClient[] = [];
  /** By message, its number being its `clientMessageId`. */
  readonly #dueMs: number[] = [];
  /** What is still to come of it: a receipt for each other member, SENT, DELIVERED. */
  readonly #missing: number[] = [];
  #incomplete = 0;
  #progressMs = 0;
  /** By user, the last `seq` received. Their own messages are not among them. */
  readonly #lastSeq: number[] = [];

  constructor(scenario: GroupsScenario, target: Target) {
    this.#scenario = scenario;
    this.#target = target;
  }

  async connect(): Promise<void> {
    const { groups, members } = this.#scenario;
    const { port, apiKey } = this.#target;
    for (let group = 0; group < groups; group += 1) {
      const memberIds = Array.from({ length: members }, (_, at) => `user-${group * members + at}`);
      const made = await fetch(`http://127.0.0.1:${port}/api/conversations`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
        body: JSON.stringify({ id: `group-${group}`, memberIds }),
      });
      if (!made.ok) throw new Error(`The group was not made: ${await made.text()}`);
    }
    this.#users = await connectMany(groups * members, async (user) => {
      this.#lastSeq[user] = 0;
      const client = await StompClient.connect({
        port,
        userId: `user-${user}`,
        heartBeat: "0,0",
        onMessage: (bytes, start) => this.#received(user, bytes, start),
        onLost: countLost(this.faults, `user-${user}`),
      });
      await client.subscribe({
        m: "/user/queue/messages",
        c: "/user/queue/confirmations",
      });
      return client;
    });
  }

  forgetTimes(): void {
    for (const latencies of this.latencies) latencies.reset();
  }

  close(): void {
    for (const user of this.#users) user.close();
  }

  async exchange(seconds: number) {
    const { messagesPerSecond } = this.#scenario;
    const count = Math.round(seconds * messagesPerSecond);
    const startMs = performance.now();
    const dueAt = (index: number) => startMs + (index * 1_000) / messagesPerSecond;
    const before = this.#dueMs.length;
    let sent = 0;
    this.#progressMs = startMs;
    const times = await this.#loop.run((nowMs) => {
      while (sent < count && dueAt(sent) <= nowMs) {
        this.#send(dueAt(sent));
        sent += 1;
      }
      const isSilent = nowMs > this.#progressMs + SILENCE_MS;
      return sent < count || (this.#incomplete > 0 && !isSilent);
    });
    for (const missing of this.#missing.slice(before)) this.faults.lost += Math.max(0, missing);
    this.#incomplete = 0;
    return { count, ...times };
  }

  /** Groups by turns, and their members. */
  #send(dueMs: number): void {
    const { groups, members } = this.#scenario;
    const number = this.#dueMs.length;
    const group = number % groups;
    const user = group * members + (Math.floor(number / groups) % members);
    const id = String(number).padStart(DIGITS, "0");
    this.#dueMs.push(dueMs);
    this.#missing.push(members - 1 + 2);
    this.#incomplete += 1;
    const body = `{"conversationId":"group-${group}","content":"${CONTENT}","clientMessageId":"${id}"}`;
    this.#users[user]?.send(`SEND\ndestination:/app/chat.send\n\n${body}\0`);
    this.#loop.worked();
  }

  #received(user: number, bytes: Buffer, start: number): void {
    this.#loop.worked();
    const nowMs = performance.now();
    this.#progressMs = nowMs;
    const number = numberAfter(bytes, ID, start);
    const ms = nowMs - (this.#dueMs[number] ?? Number.NaN);
    if (isConfirmation(bytes, start)) {
      const isDelivered = bytes[bytes.indexOf(STATUS, start) + STATUS.length] === LETTER_D;
      (isDelivered ? this.#toDelivered : this.#toSent).record(ms);
    } else {
      const seq = numberAfter(bytes, SEQ, start);
      if (seq <= (this.#lastSeq[user] ?? 0)) this.faults.disordered += 1;
      this.#lastSeq[user] = seq;
      this.#toReceipt.record(ms);
    }
    const missing = (this.#missing[number] ?? 0) - 1;
    this.#missing[number] = missing;
    if (missing === 0) this.#incomplete -= 1;
    if (missing < 0) this.faults.doubled += 1;
  }
}

const CONFIRMATION = Buffer.from("subscription:c\n");

function isConfirmation(bytes: Buffer, start: number): boolean {
  const at = bytes.indexOf(CONFIRMATION, start);
  return at !== -1 && at < start + 64;
}

function numberAfter(bytes: Buffer, mark: Buffer, from: number): number {
  let value = 0;
  for (let at = bytes.indexOf(mark, from) + mark.length; ; at += 1) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}
