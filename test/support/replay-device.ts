import type { Chat } from "../../src/chat/chat.ts";
import type { Replay, ReplayReader } from "../../src/chat/replay.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import type { SyncOutcome, SyncRequest } from "../../src/chat/sync.ts";
import { AppError } from "../../src/errors.ts";
import type { Harness } from "./chat-harness.ts";

/** Bob's device: takes what is replayed, and live messages while it is live. */
export class Device implements ReplayReader {
  readonly got: string[] = [];
  readonly #replay: Replay;
  #receive: ((message: StoredMessage) => void) | null = null;
  isOpen = true;
  /** Asked for room before each message. */
  pace: () => Promise<void> | null = () => null;

  constructor(chat: Chat) {
    this.#replay = chat.replayTo("bob", this);
  }

  /** Bob subscribes; what he misses comes. */
  subscribes(...syncs: readonly SyncRequest[]): Promise<void> {
    return this.#replay.start(syncs);
  }

  syncs(request: SyncRequest): Promise<void> {
    return this.#replay.sync(request);
  }

  get isLive(): boolean {
    return this.#receive === null;
  }

  /** A live message of the server. */
  live(message: StoredMessage): void {
    if (this.#receive === null) this.got.push(message.content);
    else this.#receive(message);
  }

  hold(receive: (message: StoredMessage) => void): void {
    this.#receive = receive;
  }
  goLive(): void {
    this.#receive = null;
  }
  replay(message: StoredMessage): void {
    this.got.push(message.content);
  }
  ready(): Promise<void> | null {
    return this.pace();
  }
}

/** A sync with these last seqs, and what it is answered. */
export function syncFrom(
  positions: Readonly<Record<string, number | { readonly seq: number; readonly id: string }>>,
): SyncRequest & { readonly outcomes: (SyncOutcome | AppError)[]; outcome(): SyncOutcome } {
  const outcomes: (SyncOutcome | AppError)[] = [];
  return {
    positions: new Map(
      Object.entries(positions).map(([id, position]) => [
        id,
        typeof position === "number" ? { seq: position, id: null } : position,
      ]),
    ),
    bytes: 0,
    settled: (outcome) => outcomes.push(outcome),
    outcomes,
    outcome() {
      const [only, ...rest] = outcomes;
      if (only === undefined || only instanceof AppError || rest.length > 0) {
        throw new Error(`the sync was not answered well: ${outcomes}`);
      }
      return only;
    },
  };
}

/** Sends and hands the live copy to the device, as the broker would. */
export function sendLive(harness: Harness, device: Device, from: string, content: string): void {
  harness.send(from, { conversationId: "c1", content });
  const message = [...harness.chat.journal.uncommitted()].at(-1);
  if (message === undefined) throw new Error("the message is committed already");
  device.live(message);
}

export function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
}
