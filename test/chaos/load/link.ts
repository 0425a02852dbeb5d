import { StompClient } from "../../../bench/load/stomp-client.ts";
import { CLOSED_BY_SERVER } from "../../../bench/load/web-socket.ts";
import type { Cursor } from "../checker/record.ts";
import type { Address } from "./endpoint.ts";
import { type MessageFrame, parseMessage, sendFrame } from "./frame.ts";
import type { Unconfirmed } from "./outbox.ts";
import {
  type Confirmation,
  confirmationsSchema,
  errorSchema,
  messageSchema,
  type Refusal,
  type Synced,
  type WireMessage,
} from "./wire.ts";

/** What comes over a link, until it is lost or closed. */
export interface LinkListener {
  /** `ack` is what an ACK names, where the link acknowledges. */
  received(message: WireMessage, ack: string | null): void;
  confirmed(confirmation: Confirmation): void;
  synced(synced: Synced): void;
  refused(refusal: Refusal): void;
  /** The subscription to one's own messages is in place. */
  subscribed(): void;
  lost(isGoodbye: boolean): void;
  /** What no client expects: an ERROR frame, a body that cannot be read. */
  complained(text: string): void;
}

export interface LinkOptions {
  readonly address: Address;
  readonly userId: string;
  readonly ack: "auto" | "client";
  /** How often it promises to send something; 0 is no promise. */
  readonly heartBeatMs: number;
  /** How often the server is to send something, and is given up otherwise; 0 asks nothing of it. */
  readonly serverHeartBeatMs: number;
}

/** A server that leaves says so, by the close as well; and so does one whose store is away. */
const COME_AGAIN = /^code:(?:SHUTTING_DOWN|STORAGE_UNAVAILABLE)$/m;

/** Heart-beats that may be missed. */
const PATIENCE = 3;

/** One connection of a device, with the subscriptions of a chat client. */
export class Link {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  #client: StompClient | null = null;
  #heartBeats: ReturnType<typeof setInterval> | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Resolves after CONNECTED; with false when it does not come to that. */
  async open(): Promise<boolean> {
    const { address, userId, heartBeatMs, serverHeartBeatMs } = this.#options;
    try {
      this.#client = await StompClient.connect({
        ...{ ...address, userId, heartBeat: `${heartBeatMs},${serverHeartBeatMs}` },
        silenceMs: serverHeartBeatMs === 0 ? undefined : PATIENCE * serverHeartBeatMs,
        onMessage: (bytes, start, end) => this.#take(bytes, start, end),
        onError: (frame) => {
          if (!COME_AGAIN.test(frame)) this.#listener.complained(frame);
        },
        onLost: (reason) => {
          if (this.#client === null) return;
          this.#end();
          this.#listener.lost(reason.startsWith(CLOSED_BY_SERVER));
        },
      });
    } catch {
      return false;
    }
    if (heartBeatMs > 0) this.#heartBeats = setInterval(() => this.#write("\n"), heartBeatMs / 2);
    return true;
  }

  /** Subscribes to everything; the device resumes from `cursors`, or leaves that to the server. */
  subscribe(cursors: ReadonlyMap<string, Cursor> | null): void {
    this.#subscribe({
      c: "/user/queue/confirmations",
      r: "/user/queue/receipts",
      e: "/user/queue/errors",
    }).catch(gone);
    if (cursors !== null) {
      const named = [...cursors].map(([id, cursor]) => [
        id,
        cursor.id === null ? cursor.seq : cursor,
      ]);
      const body = JSON.stringify({ conversations: Object.fromEntries(named) });
      this.#write(sendFrame("/app/chat.sync", body));
    }
    this.#subscribe({ m: "/user/queue/messages" }, this.#options.ack)
      .then(() => this.#listener.subscribed())
      .catch(gone);
  }

  send(
    { conversationId, clientMessageId, content }: Unconfirmed,
    recipientId: string | null,
  ): void {
    const body = { conversationId, recipientId, clientMessageId, content };
    this.#write(sendFrame("/app/chat.send", JSON.stringify(body)));
  }

  acknowledge(ack: string): void {
    this.#write(`ACK\nid:${ack}\n\n\0`);
  }

  /** Without a word. Nothing is heard of it any more. */
  close(): void {
    this.#client?.close();
    this.#end();
  }

  async #subscribe(
    destinations: Readonly<Record<string, string>>,
    ack?: "auto" | "client",
  ): Promise<void> {
    await this.#client?.subscribe(destinations, ack);
  }

  #write(frame: string): void {
    this.#client?.send(frame);
  }

  #end(): void {
    this.#client = null;
    clearInterval(this.#heartBeats);
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (this.#client === null) return;
    try {
      this.#handle(parseMessage(bytes, start, end));
    } catch (fault) {
      const frame = bytes.toString("utf8", start, end);
      this.#listener.complained(`cannot read ${frame}: ${fault}`);
    }
  }

  #handle({ subscription, ack, body }: MessageFrame): void {
    switch (subscription) {
      case "m":
        this.#listener.received(messageSchema.parse(body), ack);
        break;
      case "c": {
        const told = confirmationsSchema.parse(body);
        if (told.status === "SYNCED") this.#listener.synced(told);
        else this.#listener.confirmed(told);
        break;
      }
      case "e":
        this.#listener.refused(errorSchema.parse(body));
        break;
      default:
        break;
    }
  }
}

/** The end of a link is told by `lost`. */
function gone(): void {}
