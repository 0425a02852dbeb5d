import type { CatchUpDevice } from "./catch-up-device.ts";
import type { Conversation } from "./conversation.ts";
import type { ReplayOptions } from "./replay.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** Messages that a device gets in one read of the store: so many, or as many as it took last time. */
const MOST_IN_PAGE = 100;
const FEWEST_IN_PAGE = 4;

/** What came of one page. */
interface PageStep {
  /** Of its messages the device was handed so many, up to that `seq`. */
  readonly count: number;
  readonly nextSeq: number;
  /** Nothing follows. */
  readonly isLast: boolean;
  /** The rest must wait for it. */
  readonly pause: Promise<void> | null;
}

/** Reads what a device lacks from the store and hands it over, page by page as the device takes it. */
export class StoredReplay {
  readonly #options: Pick<ReplayOptions, "store" | "shared">;
  readonly #device: CatchUpDevice;
  readonly #cursors = new Map<string, number>();

  constructor(options: Pick<ReplayOptions, "store" | "shared">, device: CatchUpDevice) {
    this.#options = options;
    this.#device = device;
  }

  /** How far the conversation has been read from the store. */
  readUpto(conversationId: string): number {
    return this.#cursors.get(conversationId) ?? 0;
  }

  /**
   * The stored messages after `afterSeq`. False if some of them are not there any more, which is
   * looked at only for a `conversation` whose messages must be there wholly; none was sent then,
   * unless they were removed in this very moment.
   */
  async run(
    conversationId: string,
    afterSeq: number,
    conversation: Conversation | null,
  ): Promise<boolean> {
    this.#device.begin(conversationId, afterSeq + 1);
    let limit = MOST_IN_PAGE;
    let cursor = afterSeq;
    for (let hasRoom = false; ; ) {
      const query = { conversationId, afterSeq: cursor, limit };
      const step = await this.#handOverPage(query, conversation, hasRoom);
      if (step === null) return false;
      const { count, nextSeq, isLast, pause } = step;
      cursor = nextSeq;
      if (pause === null) {
        if (isLast || !this.#device.isOpen) return true;
        limit = Math.min(MOST_IN_PAGE, 2 * limit);
      } else {
        limit = Math.min(MOST_IN_PAGE, Math.max(FEWEST_IN_PAGE, count));
        // A device may take its time; meanwhile no page is kept for it.
        await pause;
        if (!this.#device.isOpen) return true;
      }
      hasRoom = pause !== null;
    }
  }

  /**
   * Reads a page and hands over as much of it as the device takes now; null if what it should begin
   * with is not there any more, which counts for a `conversation`. `hasRoom`: for the first message the
   * device need not be asked, since it has just said so. Asked after each wait, it would say that it is
   * the others' turn, again and again.
   */
  async #handOverPage(
    query: { readonly conversationId: string; readonly afterSeq: number; readonly limit: number },
    conversation: Conversation | null,
    hasRoom: boolean,
  ): Promise<PageStep | null> {
    const { conversationId, afterSeq, limit } = query;
    const device = this.#device;
    const committedSeq = conversation?.committedSeq ?? 0;
    const page = await this.#options.store.history(query);
    await this.#reach(page.at(-1));
    const firstSeq = page[0]?.seq ?? committedSeq + 1;
    if (firstSeq > afterSeq + 1) {
      if (conversation !== null) return null;
      device.beginAnew(conversationId, firstSeq); // Retention has removed what was before.
    }
    let nextSeq = afterSeq;
    for (const [count, message] of page.entries()) {
      const pause = hasRoom && count === 0 ? null : device.ready();
      if (pause !== null) return { count, nextSeq, isLast: false, pause };
      const isFor = device.isOpen && device.isFor(message);
      if (isFor instanceof Promise ? !(await isFor) : !isFor) {
        return { count, nextSeq, isLast: true, pause: null };
      }
      if (device.isMissing(message)) device.replay(message);
      else device.beginAnew(conversationId, message.seq + 1);
      nextSeq = message.seq;
      this.#cursors.set(conversationId, nextSeq);
    }
    return { count: page.length, nextSeq, isLast: page.length < limit, pause: null };
  }

  /** Others here are told first: what they are told later would come to this device a second time. */
  async #reach(last: StoredMessage | undefined): Promise<void> {
    const { shared } = this.#options;
    if (shared === null || last === undefined || !shared.isFresh(last)) return;
    await shared.reach(last.conversationId, last.seq);
  }
}
