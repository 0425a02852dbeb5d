import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { shownSince } from "./events.ts";
import { HeldMessages } from "./held-messages.ts";
import type { ReplayOptions, ReplayReader } from "./replay.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** The device of a `CatchUp`: what is for it, what it lacks, and how a message is handed to it. */
export class CatchUpDevice {
  readonly userId: string;
  readonly held: HeldMessages;
  readonly #options: Pick<ReplayOptions, "conversations">;
  readonly #reader: ReplayReader;
  /** Where what the subscription was sent begins, by conversation, see `Replay`. */
  readonly #beginnings: Map<string, number>;
  /** The user's own messages up to here belong to what a sync asked for. */
  readonly #ownUpto = new Map<string, number>();

  constructor(
    options: Pick<ReplayOptions, "conversations">,
    userId: string,
    reader: ReplayReader,
    beginnings: Map<string, number>,
  ) {
    this.#options = options;
    this.userId = userId;
    this.#reader = reader;
    this.#beginnings = beginnings;
    this.held = new HeldMessages(userId);
  }

  get isOpen(): boolean {
    return this.#reader.isOpen;
  }

  /** Live messages are held from here on. */
  hold(): void {
    this.#reader.hold(this.held.add);
  }

  goLive(): void {
    this.#reader.goLive();
  }

  /** See `ReplayReader`. */
  ready(): Promise<void> | null {
    return this.#reader.ready();
  }

  /** Waits until the device takes more. False if it is gone. */
  async hasRoom(): Promise<boolean> {
    const pause = this.#reader.ready();
    if (pause !== null) await pause;
    return this.#reader.isOpen;
  }

  /** A sync asks for the user's own messages as well, up to that `seq`. */
  lacksOwn(conversationId: string, uptoSeq: number): void {
    this.#ownUpto.set(conversationId, uptoSeq);
  }

  /** From that `seq` on the device is sent everything of the conversation, if not from before. */
  begin(conversationId: string, seq: number): void {
    const known = this.#beginnings.get(conversationId) ?? seq;
    this.#beginnings.set(conversationId, Math.min(known, seq));
  }

  /** What is before that `seq` it is not sent. */
  beginAnew(conversationId: string, seq: number): void {
    this.#beginnings.set(conversationId, seq);
  }

  /** The subscription was sent everything after that `seq`. */
  hasBrought(conversationId: string, seq: number): boolean {
    const beginning = this.#beginnings.get(conversationId);
    return beginning !== undefined && seq >= beginning - 1;
  }

  /** Looked at before each message: the user may have left, or be back, without those before. */
  isFor({ conversationId, seq }: StoredMessage): MaybePromise<boolean> {
    const { conversations } = this.#options;
    return whenReady(
      conversations.findAs(this.userId, conversationId),
      (conversation) => conversation?.isFor(this.userId, seq) === true,
    );
  }

  /** It is not one that the user sent from this device. */
  isMissing({ id, senderId, conversationId, seq }: StoredMessage): boolean {
    if (senderId !== this.userId) return true;
    return seq <= (this.#ownUpto.get(conversationId) ?? 0) || this.held.hasOwn(id);
  }

  replay(message: StoredMessage): void {
    const conversation = this.#options.conversations.peek(message.conversationId);
    const joinedSeq = conversation?.members.get(this.userId)?.joinedSeq ?? 0;
    this.#reader.replay(shownSince(joinedSeq, message));
  }
}
