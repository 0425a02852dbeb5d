import type { Timer } from "../clock.ts";
import type { Origin } from "./outlet.ts";
import type { StoredMessage } from "./stored-chats.ts";

/** A message that is to be told when all before it have been. */
export interface Untold {
  readonly message: StoredMessage;
  /** See `Delivery`. */
  readonly origin: Origin | null;
  /** This node has taken it from its sender. */
  readonly isOwn: boolean;
  /** Of its conversation's members when it was committed; null: it comes from the store. */
  readonly digest: number | null;
}

/** How far a conversation has been told on this node. */
export class Lane {
  /** Everything up to here has been, or was there before; -1: that is not known yet. */
  toldSeq = -1;
  /** It is known to be in the store up to here. */
  knownSeq = 0;
  readonly untold = new Map<number, Untold>();
  readonly awaited: { readonly seq: number; readonly resolve: () => void }[] = [];
  /** Something is being read. */
  isBusy = false;
  /** What others have changed is to be read before a message from the store is told. */
  isDoubtful = false;
  timer: Timer | null = null;
  usedMs: number;
  /** Epoch milliseconds: the latest timestamp of what has been told, by whichever node's clock. */
  newestMs = 0;
  /** Nothing has been told for so long that what is old was, though this node did not hear of it. */
  isOutdated = false;
  /** As far as another node knows, nobody has been told of this one and those behind it. */
  untoldSeq = Number.POSITIVE_INFINITY;

  constructor(
    readonly conversationId: string,
    nowMs: number,
  ) {
    this.usedMs = nowMs;
  }

  /** Nothing is to be told, so far as this node knows. */
  get isIdle(): boolean {
    const { isBusy, untold, awaited, knownSeq, toldSeq } = this;
    return !isBusy && untold.size === 0 && awaited.length === 0 && knownSeq <= toldSeq;
  }
}
