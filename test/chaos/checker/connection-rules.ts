import { DeviceMemory } from "./device-memory.ts";
import type { Evidence, Place } from "./evidence.ts";
import type { Fault, RuleName } from "./fault.ts";
import { messageFaults, named } from "./message-rules.ts";
import { keyOf, type Observation, type SeenMessage } from "./record.ts";
import { syncedFaults } from "./synced-rules.ts";

type Received = Extract<Observation, { kind: "received" }>;

/** What one connection has shown of one conversation. */
interface Lane {
  readonly ids: Set<string>;
  /** The last message that the history has; null where nobody can say yet. */
  lastSeq: number | null;
}

/** Each connection by itself, and each device over all of its connections. */
export class ConnectionRules {
  readonly faults: Fault[] = [];
  readonly #evidence: Evidence;
  readonly #lanes = new Map<string, Lane>();
  readonly #devices = new Map<string, DeviceMemory>();
  /** By user and conversation, the highest that one of the user's devices acknowledged. */
  readonly #acknowledged = new Map<string, number>();
  /** The same of messages that the next crash took: while they lived, they stood for all before them. */
  readonly #acknowledgedInLife = new Map<string, number>();
  /** Users with a device that does not acknowledge. */
  readonly #silentUsers: ReadonlySet<string>;

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
    const { devices } = evidence.record;
    this.#silentUsers = new Set(devices.filter(({ ack }) => ack === "auto").map((d) => d.userId));
  }

  run(): void {
    for (const [place, observation] of this.#evidence.record.observations.entries()) {
      this.#take(place, observation);
    }
  }

  memoryOf(deviceId: string): DeviceMemory {
    const known = this.#devices.get(deviceId);
    if (known !== undefined) return known;
    const memory = new DeviceMemory();
    this.#devices.set(deviceId, memory);
    return memory;
  }

  #take(place: Place, observation: Observation): void {
    switch (observation.kind) {
      case "received":
        this.#received(place, observation);
        break;
      case "acknowledged": {
        const { connection, conversationId, id, seq } = observation;
        const isKept = this.#evidence.historyById.has(id);
        const acknowledged = isKept ? this.#acknowledged : this.#acknowledgedInLife;
        const key = `${this.#evidence.userOf(connection)} ${conversationId}`;
        acknowledged.set(key, Math.max(seq, acknowledged.get(key) ?? 0));
        break;
      }
      case "restarted":
        this.#acknowledgedInLife.clear(); // Their seqs are other messages' now.
        break;
      case "delivered":
        this.#delivered(observation);
        break;
      case "synced": {
        const { opened } = this.#evidence.connectionOf(observation.connection);
        const memory = this.memoryOf(opened.deviceId);
        this.faults.push(...syncedFaults(this.#evidence, observation, memory));
        for (const [conversationId, { seq }] of observation.conversations) {
          const lane = this.#lane(observation.connection, conversationId);
          lane.lastSeq = Math.max(seq, lane.lastSeq ?? 0);
        }
        break;
      }
      case "read": {
        const { opened } = this.#evidence.connectionOf(observation.connection);
        const memory = this.memoryOf(opened.deviceId);
        for (const id of observation.ids) memory.read.set(id, place);
        break;
      }
      default:
        break;
    }
  }

  #received(place: Place, { connection, message, replay }: Received): void {
    const { opened } = this.#evidence.connectionOf(connection);
    const { deviceId, userId } = opened;
    const where = `connection ${connection} of ${deviceId}`;
    const found = (rule: RuleName, text = "") =>
      this.faults.push({ rule, text: `${named(message)} on ${where}${text}` });

    this.faults.push(...messageFaults(this.#evidence, message, where));
    if (!this.#evidence.isMember(message.conversationId, userId)) found("not-a-member");
    const lane = this.#lane(connection, message.conversationId);
    if (lane.ids.has(message.id)) {
      found("received-twice");
      return;
    }
    lane.ids.add(message.id);
    const memory = this.memoryOf(deviceId);
    if (memory.got.has(message.id) && !replay) found("repeated-unmarked");
    this.#checkIds(memory, message, found);
    memory.got.set(message.id, place);
    this.#checkOrder(lane, opened, message, found);
  }

  /** The id that was confirmed is the message's for good; no other may follow it. */
  #checkIds(
    memory: DeviceMemory,
    message: SeenMessage,
    found: (rule: RuleName, text: string) => void,
  ): void {
    const key = keyOf(message.senderId, message.clientMessageId);
    const before = memory.idByKey.get(key);
    const confirmedId = this.#evidence.confirmations.get(key)?.id;
    if (before !== undefined && before !== message.id && confirmedId === before) {
      found("two-ids", `, which had it as ${before}`);
    }
    memory.idByKey.set(key, message.id);
  }

  /**
   * Of the messages that the history has, each connection sees every one of a conversation from
   * where it began, but for the device's own. What a crash or a failed commit took lies behind all
   * that survived, and its `seq` comes anew.
   */
  #checkOrder(
    lane: Lane,
    device: { readonly deviceId: string; readonly userId: string },
    message: SeenMessage,
    found: (rule: RuleName, text: string) => void,
  ): void {
    const { conversationId, seq, id } = message;
    if (lane.lastSeq !== null && seq <= lane.lastSeq) {
      found("receipt-order", ` came after seq ${lane.lastSeq}`);
      return;
    }
    if (!this.#evidence.survived(message)) return;
    const kept = this.#evidence.historyById.get(id);
    if (kept?.seq !== seq) found("seq-differs", `, and the history has it at ${kept?.seq}`);
    if (lane.lastSeq !== null) {
      for (let missed = lane.lastSeq + 1; missed < seq; missed += 1) {
        const skipped = this.#evidence.at(conversationId, missed);
        if (skipped === undefined || !this.#evidence.isOwedTo(device, skipped)) continue;
        const without = `${skipped.senderId}'s ${skipped.clientMessageId} at seq ${missed}`;
        found("receipt-order", ` came right after seq ${lane.lastSeq}, without ${without}`);
        break;
      }
    }
    lane.lastSeq = seq;
  }

  /** All members but the sender must have acknowledged; of those who need not, nothing is known. */
  #delivered(delivered: Extract<Observation, { kind: "delivered" }>): void {
    const { connection, conversationId, seq } = delivered;
    const senderId = this.#evidence.userOf(connection);
    for (const userId of this.#evidence.members.get(conversationId) ?? []) {
      if (userId === senderId || this.#silentUsers.has(userId)) continue;
      const key = `${userId} ${conversationId}`;
      const acknowledged = Math.max(
        this.#acknowledged.get(key) ?? 0,
        this.#acknowledgedInLife.get(key) ?? 0,
      );
      if (acknowledged >= seq) continue;
      const text = `${conversationId}#${seq}: ${userId} had acknowledged ${acknowledged}`;
      this.faults.push({ rule: "delivered-early", text });
    }
  }

  #lane(connection: number, conversationId: string): Lane {
    const key = `${connection} ${conversationId}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const cursor = this.#evidence.connectionOf(connection).opened.cursors?.get(conversationId);
    const isKept = cursor?.id == null || this.#evidence.historyById.has(cursor.id);
    const made: Lane = { ids: new Set(), lastSeq: isKept ? (cursor?.seq ?? null) : null };
    this.#lanes.set(key, made);
    return made;
  }
}
