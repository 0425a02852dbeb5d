import { StompClient } from "../../../bench/load/stomp-client.ts";
import { CLOSED_BY_SERVER } from "../../../bench/load/web-socket.ts";
import type { Random } from "../../fuzz/random.ts";
import {
  type Cursor,
  type Device as DeviceIdentity,
  keyOf,
  type SyncedConversation,
} from "../checker/record.ts";
import { contentOf, digestOf } from "./content.ts";
import { type MessageFrame, parseMessage, sendFrame } from "./frame.ts";
import { HistoryRefused, readHistory, toSeen } from "./history.ts";
import type { Ledger } from "./ledger.ts";
import { Outbox, type Unconfirmed } from "./outbox.ts";
import type { Stopwatch } from "./stopwatch.ts";
import { Track } from "./track.ts";
import {
  confirmationsSchema,
  errorSchema,
  messageSchema,
  type Synced,
  type WireMessage,
} from "./wire.ts";

/** Where the server listens now; null while it does not. */
export interface Endpoint {
  readonly port: number | null;
}

export interface DeviceOptions {
  readonly identity: DeviceIdentity;
  readonly endpoint: Endpoint;
  readonly ledger: Ledger;
  readonly stopwatch: Stopwatch;
  readonly random: Random;
  /** It resumes by `/app/chat.sync`; otherwise by its subscription alone. */
  readonly syncs: boolean;
  /** How often it promises to send something; 0 is no promise. */
  readonly heartBeatMs: number;
  /** Of its user, all of them: a device that has nothing of one says so. */
  readonly conversationIds: readonly string[];
  /** Whom the first message to the conversation names; null in a group. */
  readonly recipientIn: (conversationId: string) => string | null;
  readonly onConfirmed: (conversationId: string, seq: number) => void;
  /** What the server says that no client expects. */
  readonly onComplaint: (text: string) => void;
}

const SHORTEST_BACK_OFF_MS = 10;
const LONGEST_BACK_OFF_MS = 400;
/** After a refusal that may be repeated. */
const RETRY_MS = 150;
const RESYNC_ATTEMPTS = 20;
/** Refusals that say that the same may be sent again. */
const RETRYABLE = ["STORAGE_UNAVAILABLE", "RATE_LIMITED", "SHUTTING_DOWN"];

/** The connection of a device, and the number that its observations bear. */
interface Link {
  readonly number: number;
  readonly client: StompClient;
}

/**
 * A well-behaved client: it connects again with growing, jittered pauses, resumes from its own map,
 * sends again whatever was not confirmed, and writes down all that it does and sees.
 */
export class Device {
  readonly identity: DeviceIdentity;
  readonly #options: DeviceOptions;
  readonly #outbox = new Outbox();
  readonly #tracks = new Map<string, Track>();
  #link: Link | null = null;
  #isCaughtUp = false;
  #isStopped = true;
  #lost = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #written = 0;
  /** As the server asked that left. */
  #retryAfterMs: number | null = null;
  #heartBeats: ReturnType<typeof setInterval> | undefined;
  /** Of the last frame, by `performance.now()`. */
  lastHeardMs = 0;
  connects = 0;
  /** The server said that it leaves, and closed the connection properly, so often. */
  goodbyes = 0;
  /** Called for each message that comes. */
  onReceipt: () => void = () => undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.identity = options.identity;
  }

  get isConnected(): boolean {
    return this.#link !== null;
  }

  get isStarted(): boolean {
    return !this.#isStopped;
  }

  /** Connected, and told everything that it had missed. */
  get isCaughtUp(): boolean {
    return this.#link !== null && this.#isCaughtUp;
  }

  get unconfirmed(): number {
    return this.#outbox.size;
  }

  cursorOf(conversationId: string): Cursor {
    return this.#track(conversationId).cursor;
  }

  /** From now on it is connected whenever the server is there. */
  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#running = this.#run();
  }

  /** Leaves without a word and stays away. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#link?.client.close();
    this.#gone();
    await this.#running;
  }

  /** Loses its connection, and comes back by itself. */
  drop(): void {
    this.#link?.client.close();
    this.#gone();
  }

  /** Writes a new message, of that length if given; it is sent at once if there is a connection. */
  write(conversationId: string, length?: number): void {
    this.#written += 1;
    const clientMessageId = `${this.identity.id}-${this.#written}`;
    const content = contentOf(clientMessageId, this.#options.random, length);
    const digest = digestOf(content);
    const message = { conversationId, clientMessageId, content, digest };
    this.#outbox.add(message);
    if (this.#link === null) return;
    this.#options.stopwatch.sent(keyOf(this.identity.userId, clientMessageId));
    this.#send(this.#link, message);
  }

  async #run(): Promise<void> {
    let backOffMs = SHORTEST_BACK_OFF_MS;
    while (!this.#isStopped) {
      const { port } = this.#options.endpoint;
      if (port !== null && (await this.#connect(port))) {
        backOffMs = SHORTEST_BACK_OFF_MS;
        await this.#lost.promise;
      }
      if (this.#isStopped) return;
      const jitter = 0.5 + this.#options.random.below(1_000) / 1_000;
      await Bun.sleep(this.#retryAfterMs ?? backOffMs * jitter);
      this.#retryAfterMs = null;
      backOffMs = Math.min(2 * backOffMs, LONGEST_BACK_OFF_MS);
    }
  }

  /** False when it did not come to CONNECTED. */
  async #connect(port: number): Promise<boolean> {
    const { ledger, onComplaint, syncs, heartBeatMs } = this.#options;
    const { userId } = this.identity;
    this.#lost = Promise.withResolvers();
    let link: Link | null = null;
    const isCurrent = () => link !== null && link === this.#link;
    let client: StompClient;
    try {
      client = await StompClient.connect({
        ...{ port, userId, heartBeat: `${heartBeatMs},0` },
        onMessage: (bytes, start, end) => {
          if (link !== null && isCurrent()) this.#take(link, bytes, start, end);
        },
        onError: (frame) => {
          if (!frame.includes("SHUTTING_DOWN")) onComplaint(`${this.identity.id}: ${frame}`);
        },
        onLost: (reason) => {
          if (reason.startsWith(CLOSED_BY_SERVER)) this.goodbyes += 1;
          if (isCurrent()) this.#gone();
        },
      });
    } catch {
      return false;
    }
    if (this.#isStopped) {
      client.close();
      return false;
    }
    const cursors = syncs ? this.#cursors() : null;
    link = { number: ledger.nextConnection(), client };
    const { number: connection } = link;
    this.#beginHeartBeats(client, heartBeatMs);
    ledger.add({ kind: "opened", connection, deviceId: this.identity.id, userId, cursors });
    this.#isCaughtUp = false;
    for (const track of this.#tracks.values()) track.begin();
    this.#link = link;
    this.connects += 1;
    this.#subscribe(link, cursors);
    for (const message of this.#outbox.all()) this.#sendAgain(link, message);
    return true;
  }

  #beginHeartBeats(client: StompClient, everyMs: number): void {
    clearInterval(this.#heartBeats);
    if (everyMs > 0) this.#heartBeats = setInterval(() => client.send("\n"), everyMs / 2);
  }

  #subscribe({ client }: Link, cursors: ReadonlyMap<string, Cursor> | null): void {
    const gone = () => undefined; // Told by onLost.
    client
      .subscribe({
        c: "/user/queue/confirmations",
        r: "/user/queue/receipts",
        e: "/user/queue/errors",
      })
      .catch(gone);
    if (cursors !== null) {
      const named = [...cursors].map(([id, { seq, id: messageId }]) => [
        id,
        messageId === null ? seq : { seq, id: messageId },
      ]);
      const body = JSON.stringify({ conversations: Object.fromEntries(named) });
      client.send(sendFrame("/app/chat.sync", body));
    }
    client
      .subscribe({ m: "/user/queue/messages" }, this.identity.ack)
      .then(() => {
        if (cursors === null) this.#isCaughtUp = this.#link?.client === client;
      })
      .catch(gone);
  }

  #cursors(): Map<string, Cursor> {
    const { conversationIds } = this.#options;
    return new Map(conversationIds.map((id) => [id, this.#track(id).cursor]));
  }

  #gone(): void {
    const link = this.#link;
    if (link === null) return;
    this.#link = null;
    clearInterval(this.#heartBeats);
    this.#options.ledger.add({ kind: "closed", connection: link.number });
    this.#lost.resolve();
  }

  #sendAgain(link: Link, message: Unconfirmed): void {
    this.#options.stopwatch.sentAgain(keyOf(this.identity.userId, message.clientMessageId));
    this.#send(link, message);
  }

  #send({ number: connection, client }: Link, message: Unconfirmed): void {
    const { conversationId, clientMessageId, content, digest } = message;
    this.#options.ledger.add({ kind: "sent", connection, conversationId, clientMessageId, digest });
    const recipientId = this.#options.recipientIn(conversationId);
    const body = { conversationId, recipientId, clientMessageId, content };
    client.send(sendFrame("/app/chat.send", JSON.stringify(body)));
  }

  #take(link: Link, bytes: Buffer, start: number, end: number): void {
    this.lastHeardMs = performance.now();
    try {
      this.#handle(link, parseMessage(bytes, start, end));
    } catch (fault) {
      const frame = bytes.toString("utf8", start, end);
      this.#options.onComplaint(`${this.identity.id} cannot read ${frame}: ${fault}`);
    }
  }

  #handle(link: Link, { subscription, ack, body }: MessageFrame): void {
    switch (subscription) {
      case "m":
        this.#received(link, body, ack);
        break;
      case "c":
        this.#confirmed(link, body);
        break;
      case "e":
        this.#refused(link, body);
        break;
      default:
        break;
    }
  }

  #received({ number: connection, client }: Link, body: unknown, ack: string | null): void {
    const { ledger, stopwatch } = this.#options;
    const parsed = messageSchema.parse(body);
    const message = toSeen(parsed);
    const { conversationId, seq, id, senderId, clientMessageId } = message;
    ledger.add({ kind: "received", connection, message, replay: parsed.replay });
    const key = keyOf(senderId, clientMessageId);
    if (parsed.replay) stopwatch.sentAgain(key);
    else if (senderId !== this.identity.userId) stopwatch.received(key);
    this.#track(conversationId).see(seq, id);
    this.onReceipt();
    if (ack === null) return;
    ledger.add({ kind: "acknowledged", connection, conversationId, seq });
    client.send(`ACK\nid:${ack}\n\n\0`);
  }

  #confirmed({ number: connection }: Link, body: unknown): void {
    const told = confirmationsSchema.parse(body);
    if (told.status === "SYNCED") {
      this.#synced(connection, told);
      return;
    }
    const { conversationId, clientMessageId, messageId: id, seq } = told;
    if (told.status === "DELIVERED") {
      this.#options.ledger.add({ kind: "delivered", connection, conversationId, id, seq });
      return;
    }
    this.#options.ledger.add({
      ...{ kind: "confirmed", connection, conversationId, clientMessageId, id, seq },
    });
    this.#options.onConfirmed(conversationId, seq);
    if (this.#outbox.get(clientMessageId) === undefined) return; // Another device's, which comes.
    this.#outbox.confirmed(clientMessageId);
    this.#track(conversationId).see(seq, id);
  }

  #synced(connection: number, { conversations }: Synced): void {
    const answers = new Map<string, SyncedConversation>();
    const anew = new Map<string, number>();
    for (const [id, answer] of Object.entries(conversations)) {
      const track = this.#track(id);
      if ("error" in answer) {
        track.forget(); // A crash took the conversation before its first message was confirmed.
        continue;
      }
      answers.set(id, answer);
      if (answer.resync) {
        // Until the history is read the device has nothing, and says so if it must come again.
        track.forget();
        anew.set(id, answer.seq);
      } else {
        track.raiseTo(answer.seq);
      }
    }
    this.#options.ledger.add({ kind: "synced", connection, conversations: answers });
    this.#readAnew(connection, anew).catch((fault: unknown) => {
      if (this.#link?.number !== connection) return;
      // Without the history the device has nothing: it comes again.
      this.drop();
      if (fault instanceof HistoryRefused) this.#options.onComplaint(fault.message);
    });
  }

  /** What SYNCED names may still be on its way to the disk, and then is not in the history yet. */
  async #readAnew(connection: number, uptoSeqs: ReadonlyMap<string, number>): Promise<void> {
    const isOver = () => this.#link?.number !== connection;
    for (const [conversationId, uptoSeq] of uptoSeqs) {
      let messages: WireMessage[] = [];
      for (let attempt = 0; attempt < RESYNC_ATTEMPTS; attempt += 1) {
        const { port } = this.#options.endpoint;
        if (port === null || isOver()) return;
        messages = await readHistory(port, this.identity.userId, conversationId);
        if ((messages.at(-1)?.seq ?? 0) >= uptoSeq) break;
        await Bun.sleep(RETRY_MS);
      }
      if (isOver()) return;
      const ids = messages.map(({ id }) => id);
      this.#options.ledger.add({ kind: "read", connection, conversationId, ids });
      for (const { seq, id } of messages) this.#track(conversationId).see(seq, id);
    }
    if (!isOver()) this.#isCaughtUp = true;
  }

  #refused({ number: connection }: Link, body: unknown): void {
    const { ledger, onComplaint } = this.#options;
    const { code, message, clientMessageId, retryAfterMs } = errorSchema.parse(body);
    if (retryAfterMs !== undefined) this.#retryAfterMs = retryAfterMs;
    if (clientMessageId === undefined) {
      // A server that leaves looks at no message any more; it is sent again to the next one.
      if (code !== "SHUTTING_DOWN") onComplaint(`${this.identity.id}: ${code} ${message}`);
      return;
    }
    ledger.add({ kind: "refused", connection, clientMessageId, code });
    if (!RETRYABLE.includes(code)) onComplaint(`${this.identity.id}: ${code} ${message}`);
    setTimeout(() => {
      const refused = this.#outbox.get(clientMessageId);
      const link = this.#link;
      if (link?.number === connection && refused !== undefined) this.#sendAgain(link, refused);
    }, RETRY_MS);
  }

  #track(conversationId: string): Track {
    const known = this.#tracks.get(conversationId);
    if (known !== undefined) return known;
    const track = new Track();
    this.#tracks.set(conversationId, track);
    return track;
  }
}
