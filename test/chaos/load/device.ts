import type { Random } from "../../fuzz/random.ts";
import { type Cursor, type Device as DeviceIdentity, keyOf } from "../checker/record.ts";
import { contentOf, digestOf } from "./content.ts";
import type { Address, Endpoint } from "./endpoint.ts";
import { HistoryRefused, readHistory, toSeen } from "./history.ts";
import type { Ledger } from "./ledger.ts";
import { Link, type LinkListener } from "./link.ts";
import { Outbox, type Unconfirmed } from "./outbox.ts";
import type { Stopwatch } from "./stopwatch.ts";
import { Tracks } from "./tracks.ts";
import type { Confirmation, Refusal, Synced, WireMessage } from "./wire.ts";

export interface DeviceOptions {
  readonly identity: DeviceIdentity;
  readonly endpoint: Endpoint;
  readonly ledger: Ledger;
  /** From send to receipt. */
  readonly stopwatch: Stopwatch;
  /** From send to SENT. */
  readonly sentStopwatch: Stopwatch;
  readonly random: Random;
  /** It resumes by `/app/chat.sync`; otherwise by its subscription alone. */
  readonly syncs: boolean;
  /** How often it promises to send something; 0 is no promise. */
  readonly heartBeatMs: number;
  /** How often it wants to hear of the server; 0 is never. */
  readonly serverHeartBeatMs: number;
  /** Of its user, all of them. */
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

/**
 * A well-behaved client: it connects again with growing, jittered pauses, resumes from its own map,
 * sends again whatever was not confirmed, and writes down all that it does and sees.
 */
export class Device {
  readonly identity: DeviceIdentity;
  readonly #options: DeviceOptions;
  readonly #outbox = new Outbox();
  readonly #tracks: Tracks;
  #link: Link | null = null;
  /** Of the link. */
  #address: Address | null = null;
  /** Of the link, in the ledger. */
  #connection = 0;
  #isCaughtUp = false;
  #isStopped = true;
  #lost = Promise.withResolvers<void>();
  #running: Promise<void> = Promise.resolve();
  #written = 0;
  /** As the server asked that left. */
  #retryAfterMs: number | null = null;
  /** When something came last, by `performance.now()`. */
  lastHeardMs = 0;
  connects = 0;
  /** The server closed the connection properly, so often. */
  goodbyes = 0;
  /** Called for each message that comes. */
  onReceipt: () => void = () => undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.#tracks = new Tracks(options.conversationIds);
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

  /** Where it is connected, or was last. */
  get address(): Address | null {
    return this.#address;
  }

  get unconfirmed(): number {
    return this.#outbox.size;
  }

  cursorOf(conversationId: string): Cursor {
    return this.#tracks.cursorOf(conversationId);
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
    this.#drop();
    await this.#running;
  }

  /** Leaves without a word, and comes again at once, where there are several servers to another one. */
  move(): void {
    this.#drop();
  }

  /** Writes a new message, of that length if given; it is sent at once if there is a connection. */
  write(conversationId: string, length?: number): void {
    this.#written += 1;
    const clientMessageId = `${this.identity.id}-${this.#written}`;
    const content = contentOf(clientMessageId, this.#options.random, length);
    this.say({ conversationId, clientMessageId, content, digest: digestOf(content) });
  }

  /** As `write`, a message that is made already, as when several devices of a user say the same. */
  say(message: Unconfirmed): void {
    this.#outbox.add(message);
    if (this.#link === null) return;
    const key = keyOf(this.identity.userId, message.clientMessageId);
    this.#options.stopwatch.sent(key);
    this.#options.sentStopwatch.sent(key);
    this.#send(this.#link, message);
  }

  async #run(): Promise<void> {
    let backOffMs = SHORTEST_BACK_OFF_MS;
    while (!this.#isStopped) {
      const address = this.#options.endpoint.next();
      if (address !== null && (await this.#connect(address))) {
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
  async #connect(address: Address): Promise<boolean> {
    const { ledger, syncs, heartBeatMs, serverHeartBeatMs } = this.#options;
    const { id: deviceId, userId, ack } = this.identity;
    const link = new Link({ address, userId, ack, heartBeatMs, serverHeartBeatMs }, this.#listener);
    if (!(await link.open())) return false;
    if (this.#isStopped) {
      link.close();
      return false;
    }
    const connection = ledger.nextConnection();
    const cursors = syncs ? this.#tracks.cursors() : null;
    ledger.add({ kind: "opened", connection, deviceId, userId, node: nodeAt(address), cursors });
    this.#link = link;
    this.#address = address;
    this.#connection = connection;
    this.#isCaughtUp = false;
    this.#lost = Promise.withResolvers();
    this.#tracks.begin(syncs);
    this.connects += 1;
    link.subscribe(cursors);
    for (const message of this.#outbox.all()) this.#sendAgain(link, message);
    return true;
  }

  /** Loses its connection, if there is one. */
  #drop(): void {
    this.#link?.close();
    this.#gone();
  }

  #gone(): void {
    if (this.#link === null) return;
    this.#link = null;
    this.#options.ledger.add({ kind: "closed", connection: this.#connection });
    this.#lost.resolve();
  }

  #sendAgain(link: Link, message: Unconfirmed): void {
    const key = keyOf(this.identity.userId, message.clientMessageId);
    this.#options.stopwatch.sentAgain(key);
    this.#options.sentStopwatch.sentAgain(key);
    this.#send(link, message);
  }

  #send(link: Link, message: Unconfirmed): void {
    const { conversationId, clientMessageId, digest } = message;
    const connection = this.#connection;
    this.#options.ledger.add({ kind: "sent", connection, conversationId, clientMessageId, digest });
    link.send(message, this.#options.recipientIn(conversationId));
  }

  readonly #listener: LinkListener = {
    received: (message, ack) => this.#received(message, ack),
    confirmed: (confirmation) => this.#confirmed(confirmation),
    synced: (synced) => this.#synced(synced),
    refused: (refusal) => this.#refused(refusal),
    subscribed: () => {
      if (!this.#options.syncs) this.#isCaughtUp = true;
    },
    lost: (isGoodbye) => {
      if (isGoodbye) this.goodbyes += 1;
      this.#gone();
    },
    complained: (text) => this.#options.onComplaint(`${this.identity.id}: ${text}`),
  };

  #received(wire: WireMessage, ack: string | null): void {
    this.lastHeardMs = performance.now();
    const { ledger, stopwatch } = this.#options;
    const connection = this.#connection;
    const message = toSeen(wire);
    const { conversationId, seq, id, senderId, clientMessageId } = message;
    ledger.add({ kind: "received", connection, message, replay: wire.replay });
    const key = keyOf(senderId, clientMessageId);
    if (wire.replay) stopwatch.sentAgain(key);
    else if (senderId !== this.identity.userId) stopwatch.received(key);
    this.#tracks.receive(conversationId, seq, id);
    this.onReceipt();
    if (ack === null || this.#link === null) return;
    ledger.add({ kind: "acknowledged", connection, conversationId, id, seq });
    this.#link.acknowledge(ack);
  }

  #confirmed({ status, messageId: id, clientMessageId, conversationId, seq }: Confirmation): void {
    this.lastHeardMs = performance.now();
    const { ledger, onConfirmed } = this.#options;
    const told = { connection: this.#connection, conversationId, id, seq };
    if (status === "DELIVERED") {
      ledger.add({ kind: "delivered", ...told });
      return;
    }
    ledger.add({ kind: "confirmed", clientMessageId, ...told });
    onConfirmed(conversationId, seq);
    this.#options.sentStopwatch.received(keyOf(this.identity.userId, clientMessageId));
    if (this.#outbox.get(clientMessageId) === undefined) return; // Another device's, which comes.
    this.#outbox.confirmed(clientMessageId);
    this.#tracks.see(conversationId, seq, id);
  }

  #synced(synced: Synced): void {
    const connection = this.#connection;
    const conversations = this.#tracks.synced(synced);
    this.#options.ledger.add({ kind: "synced", connection, conversations });
    const anew = [...conversations].filter(([, { resync }]) => resync);
    this.#readAnew(new Map(anew.map(([id, { seq }]) => [id, seq]))).catch((fault: unknown) => {
      if (this.#connection !== connection) return;
      this.#drop(); // Without the history the device has nothing: it comes again.
      if (fault instanceof HistoryRefused) this.#listener.complained(fault.message);
    });
  }

  /** What SYNCED names may still be on its way to the disk, and then is not in the history yet. */
  async #readAnew(uptoSeqs: ReadonlyMap<string, number>): Promise<void> {
    const connection = this.#connection;
    const isOver = () => this.#link === null || this.#connection !== connection;
    for (const [conversationId, uptoSeq] of uptoSeqs) {
      let messages: WireMessage[] = [];
      for (let attempt = 0; attempt < RESYNC_ATTEMPTS; attempt += 1) {
        if (this.#address === null || isOver()) return;
        messages = await readHistory(this.#address, this.identity.userId, conversationId);
        if ((messages.at(-1)?.seq ?? 0) >= uptoSeq) break;
        await Bun.sleep(RETRY_MS);
      }
      if (isOver()) return;
      const ids = messages.map(({ id }) => id);
      this.#options.ledger.add({ kind: "read", connection, conversationId, ids });
      for (const { seq, id } of messages) this.#tracks.see(conversationId, seq, id);
    }
    if (!isOver()) this.#isCaughtUp = true;
  }

  #refused({ code, message, clientMessageId, retryAfterMs }: Refusal): void {
    if (retryAfterMs !== undefined) this.#retryAfterMs = retryAfterMs;
    if (!RETRYABLE.includes(code)) this.#listener.complained(`${code} ${message}`);
    if (clientMessageId === undefined) {
      // Not about a message: a server that leaves closes, and what else failed is tried anew.
      if (code !== "SHUTTING_DOWN") this.#drop();
      return;
    }
    const connection = this.#connection;
    this.#options.ledger.add({ kind: "refused", connection, clientMessageId, code });
    setTimeout(() => {
      const refused = this.#outbox.get(clientMessageId);
      if (this.#link === null || this.#connection !== connection || refused === undefined) return;
      this.#sendAgain(this.#link, refused);
    }, RETRY_MS);
  }
}

/** Each life of a server has a port of its own. */
function nodeAt({ host, port, isBalancer = false }: Address): string | null {
  return isBalancer ? null : `${host}:${port}`;
}
