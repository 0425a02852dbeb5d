/**
 * Two nodes on one store that keep every promise, and their clients, in plain memory: correct records
 * for the checker's own tests. What happens in which order is the caller's choice; a crash is of both
 * nodes.
 */
import type { Conversation, Cursor, Device, History, Observation, SeenMessage } from "./record.ts";

export const CONVERSATIONS: readonly Conversation[] = [
  { id: "pair", memberIds: ["anna", "ben"] },
  { id: "group", memberIds: ["anna", "ben", "carla"] },
];

export const DEVICES: readonly Device[] = [
  { id: "anna-1", userId: "anna", ack: "client" },
  { id: "ben-1", userId: "ben", ack: "client" },
  { id: "ben-2", userId: "ben", ack: "client" },
  { id: "carla-1", userId: "carla", ack: "client" },
];

export type Step =
  /** `turnAway`: it leaves without a word, and the other node refuses all that it sends again there. */
  | { readonly kind: "connect" | "drop" | "turnAway"; readonly device: number }
  | { readonly kind: "send" | "refuse"; readonly device: number; readonly conversation: number }
  | { readonly kind: "commit" | "crash" };

export interface Run {
  readonly record: {
    readonly conversations: readonly Conversation[];
    readonly devices: readonly Device[];
    readonly resume: "sync";
    readonly observations: readonly Observation[];
  };
  readonly history: History;
}

type Node = 0 | 1;

interface Client {
  readonly device: Device;
  connection: number | null;
  /** The one that it is connected to, or was last. */
  node: Node;
  readonly cursors: Map<string, Cursor>;
  /** Sent or refused, and not confirmed. */
  readonly pending: Map<string, SeenMessage>;
}

export function simulate(steps: readonly Step[]): Run {
  const simulation = new Simulation();
  for (const step of steps) simulation.take(step);
  return simulation.end();
}

class Simulation {
  readonly #observations: Observation[] = [];
  readonly #clients: Client[] = DEVICES.map((device) => ({
    device,
    connection: null,
    node: 1,
    cursors: new Map(),
    pending: new Map(),
  }));
  /** By conversation; the uncommitted ones stand at the end. */
  readonly #messages = new Map<string, SeenMessage[]>(CONVERSATIONS.map(({ id }) => [id, []]));
  #uncommitted = new Set<SeenMessage>();
  /** Of the uncommitted ones, the node that is to commit them. */
  readonly #takenBy = new WeakMap<SeenMessage, Node>();
  /** By user, what their devices acknowledged; a crash forgets it of what it takes. */
  readonly #acknowledged = new Map<string, Set<SeenMessage>>();
  #connections = 0;
  #made = 0;

  take(step: Step): void {
    switch (step.kind) {
      case "connect":
        this.#connect(this.#client(step.device));
        break;
      case "drop":
        this.#drop(this.#client(step.device));
        break;
      case "turnAway":
        this.#turnAway(this.#client(step.device));
        break;
      case "send":
        this.#send(this.#client(step.device), this.#conversation(step.conversation), true);
        break;
      case "refuse":
        this.#send(this.#client(step.device), this.#conversation(step.conversation), false);
        break;
      case "commit":
        this.#commit();
        break;
      case "crash":
        this.#crash();
        break;
    }
  }

  end(): Run {
    for (const client of this.#clients) this.#connect(client);
    for (const client of this.#clients) this.#resend(client);
    this.#commit();
    for (const { device } of this.#clients) this.#see({ kind: "settled", deviceId: device.id });
    const fixed = { conversations: CONVERSATIONS, devices: DEVICES, resume: "sync" } as const;
    const record = { ...fixed, observations: this.#observations };
    return { record, history: this.#messages };
  }

  /** To the other node. */
  #connect(client: Client): void {
    if (client.connection !== null) return;
    this.#open(client);
    this.#resend(client);
  }

  #open(client: Client): void {
    this.#connections += 1;
    const connection = this.#connections;
    const { userId } = client.device;
    client.node = client.node === 0 ? 1 : 0;
    const cursors = new Map(
      this.#conversationsOf(userId).map(({ id }) => [
        id,
        client.cursors.get(id) ?? { seq: 0, id: null },
      ]),
    );
    const [deviceId, node] = [client.device.id, `node-${client.node}`];
    this.#see({ kind: "opened", connection, deviceId, userId, node, cursors });
    client.connection = connection;
    const conversations = new Map<string, { seq: number; resync: boolean }>();
    for (const [conversationId, cursor] of cursors) {
      const messages = this.#of(conversationId);
      const kept = messages.filter((message) => !this.#uncommitted.has(message));
      const resync = cursor.id !== null && messages[cursor.seq - 1]?.id !== cursor.id;
      conversations.set(conversationId, { seq: kept.length, resync });
      if (resync) client.cursors.delete(conversationId);
      const from = resync ? kept.length : cursor.seq;
      for (const message of messages.slice(from)) this.#receive(client, message, true);
    }
    this.#see({ kind: "synced", connection, conversations });
    for (const [conversationId, { seq, resync }] of conversations) {
      if (!resync) continue;
      const messages = this.#of(conversationId).slice(0, seq);
      const ids = messages.map(({ id }) => id);
      this.#see({ kind: "read", connection, conversationId, ids });
      const last = messages.at(-1);
      if (last !== undefined && !client.cursors.has(conversationId)) {
        client.cursors.set(conversationId, { seq: last.seq, id: last.id });
      }
    }
  }

  #turnAway(client: Client): void {
    if (client.connection === null) return;
    this.#drop(client);
    this.#open(client);
    this.#resend(client, true);
  }

  #drop(client: Client): void {
    if (client.connection === null) return;
    this.#see({ kind: "closed", connection: client.connection });
    client.connection = null;
  }

  #send(client: Client, conversation: Conversation, isTaken: boolean): void {
    const { connection } = client;
    const senderId = client.device.userId;
    if (connection === null || !conversation.memberIds.includes(senderId)) return;
    this.#made += 1;
    const clientMessageId = `m${this.#made}`;
    const digest = `digest of ${clientMessageId}`;
    const written = { conversationId: conversation.id, senderId, clientMessageId, digest };
    const message = { ...written, id: "", seq: 0 };
    client.pending.set(clientMessageId, message);
    this.#sent(connection, message);
    if (isTaken) this.#accept(client, message);
    else this.#refuse(connection, message);
  }

  #refuse(connection: number, { clientMessageId }: SeenMessage): void {
    this.#see({ kind: "refused", connection, clientMessageId, code: "STORAGE_UNAVAILABLE" });
  }

  /** @param isRefused unless the node has it already */
  #resend(client: Client, isRefused = false): void {
    const { connection, node } = client;
    if (connection === null) return;
    for (const message of [...client.pending.values()]) {
      this.#sent(connection, message);
      const { clientMessageId, senderId, conversationId } = message;
      const known = this.#of(conversationId).find(
        (each) => each.clientMessageId === clientMessageId && each.senderId === senderId,
      );
      const isHere = known !== undefined && this.#takenBy.get(known) === node;
      if (isRefused && !isHere) this.#refuse(connection, message);
      else if (known === undefined) this.#accept(client, message);
      else if (!this.#uncommitted.has(known)) this.#confirm(known);
    }
  }

  #sent(connection: number, { conversationId, clientMessageId, digest }: SeenMessage): void {
    this.#see({ kind: "sent", connection, conversationId, clientMessageId, digest });
  }

  #accept(sender: Client, written: SeenMessage): void {
    const messages = this.#of(written.conversationId);
    this.#made += 1;
    const message = { ...written, id: `id-${this.#made}`, seq: messages.length + 1 };
    messages.push(message);
    this.#uncommitted.add(message);
    this.#takenBy.set(message, sender.node);
    for (const client of this.#membersOf(message)) {
      if (client !== sender) this.#receive(client, message, false);
    }
  }

  #receive(client: Client, message: SeenMessage, replay: boolean): void {
    const { connection } = client;
    if (connection === null) return;
    const { conversationId, seq, id } = message;
    this.#see({ kind: "received", connection, message, replay });
    client.cursors.set(conversationId, { seq, id });
    this.#see({ kind: "acknowledged", connection, conversationId, id, seq });
    const { userId } = client.device;
    const acknowledged = this.#acknowledged.get(userId) ?? new Set();
    this.#acknowledged.set(userId, acknowledged.add(message));
  }

  #commit(): void {
    const committed = [...this.#uncommitted];
    this.#uncommitted = new Set();
    for (const message of committed) this.#confirm(message);
  }

  #confirm(message: SeenMessage): void {
    const { conversationId, clientMessageId, id, seq, senderId } = message;
    const told = { conversationId, clientMessageId, id, seq };
    const members = CONVERSATIONS.find((each) => each.id === conversationId)?.memberIds ?? [];
    const isDelivered = members.every(
      (userId) => userId === senderId || this.#hasReceived(userId, message),
    );
    for (const client of this.#membersOf(message)) {
      const { connection } = client;
      if (connection === null || client.device.userId !== senderId) continue;
      this.#see({ kind: "confirmed", connection, ...told });
      client.pending.delete(clientMessageId);
      const cursor = client.cursors.get(conversationId);
      if ((cursor?.seq ?? 0) < seq) client.cursors.set(conversationId, { seq, id });
      if (isDelivered) this.#see({ kind: "delivered", connection, conversationId, id, seq });
    }
  }

  /** One that is acknowledged stands for all before it. */
  #hasReceived(userId: string, { conversationId, seq }: SeenMessage): boolean {
    const acknowledged = this.#acknowledged.get(userId)?.values() ?? [];
    return [...acknowledged].some(
      (other) => other.conversationId === conversationId && other.seq >= seq,
    );
  }

  #crash(): void {
    for (const client of this.#clients) this.#drop(client);
    for (const [conversationId, messages] of this.#messages) {
      const kept = messages.filter((message) => !this.#uncommitted.has(message));
      this.#messages.set(conversationId, kept);
    }
    for (const acknowledged of this.#acknowledged.values()) {
      for (const lost of this.#uncommitted) acknowledged.delete(lost);
    }
    this.#uncommitted = new Set();
    this.#see({ kind: "restarted" });
  }

  #see(observation: Observation): void {
    this.#observations.push(observation);
  }

  #of(conversationId: string): SeenMessage[] {
    return this.#messages.get(conversationId) ?? [];
  }

  #membersOf({ conversationId }: SeenMessage): Client[] {
    return this.#clients.filter(({ device }) =>
      this.#conversationsOf(device.userId).some(({ id }) => id === conversationId),
    );
  }

  #conversationsOf(userId: string): Conversation[] {
    return CONVERSATIONS.filter(({ memberIds }) => memberIds.includes(userId));
  }

  #client(index: number): Client {
    const client = this.#clients[index % this.#clients.length];
    if (client === undefined) throw new Error("there are no clients");
    return client;
  }

  #conversation(index: number): Conversation {
    const conversation = CONVERSATIONS[index % CONVERSATIONS.length];
    if (conversation === undefined) throw new Error("there are no conversations");
    return conversation;
  }
}
