import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { RecentlyUsed } from "../recently-used.ts";
import type { ConversationReloads } from "./conversation-reloads.ts";
import { digestOf, digestOfText } from "./members-digest.ts";
import { type MovedMarks, moveMarks } from "./moved-marks.ts";
import type { ChatStore } from "./ports.ts";
import type {
  ConversationKind,
  ConversationProfile,
  Role,
  StoredConversation,
  Watermarks,
} from "./stored-chats.ts";

/** How far a member has come; runs ahead of the store by what is not committed yet. */
export interface Member {
  readonly userId: string;
  /** Messages up to here were there before the member was, and are not for them. */
  joinedSeq: number;
  deliveredSeq: number;
  readSeq: number;
  /** Of what was received, what is on disk too: others are told of no more. */
  durableDeliveredSeq: number;
  role: Role;
}

/**
 * The member's watermarks with a message of their own: with nothing outstanding before it, it counts
 * as received and read. The same object: they stay.
 */
export function marksWithOwn(marks: Watermarks, seq: number): Watermarks {
  const { deliveredSeq, readSeq } = marks;
  if (deliveredSeq !== seq - 1) return marks;
  return { deliveredSeq: seq, readSeq: readSeq === deliveredSeq ? seq : readSeq };
}

/** Who has become a member meanwhile, who is none any more, and whose marks others have moved. */
export interface Learned {
  readonly joined: readonly string[];
  readonly left: readonly string[];
  readonly moved: readonly MovedMarks[];
}

/** What a conversation begins as. */
export interface NewConversationInput extends ConversationProfile {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
}

/** A conversation in use: the one place that hands out its `seq`. */
export class Conversation {
  readonly members = new Map<string, Member>();
  /** The highest `seq` given; above `committedSeq` while messages are on their way to disk. */
  lastSeq: number;
  committedSeq: number;
  /** The last one that members are shown only when it is committed. */
  hiddenSeq = 0;
  /** The store knows it. */
  persisted: boolean;
  /** Changes on their way to disk; the journal counts them. */
  uncommitted = 0;
  /** Changes of its members and of its profile so far; the journal counts them. */
  changesMade = 0;
  /** How often it became known that other nodes had written, and deleted messages for all one knows. */
  deletions = 0;
  readonly id: string;
  readonly kind: ConversationKind;
  readonly createdMs: number;
  profile: ConversationProfile;

  constructor(
    { id, kind, createdMs, title, picture, disappearAfterSeconds }: NewConversationInput,
    stored: StoredConversation | null,
  ) {
    this.id = id;
    this.kind = kind;
    this.createdMs = createdMs;
    this.profile = { title, picture, disappearAfterSeconds };
    this.lastSeq = stored?.lastSeq ?? 0;
    this.committedSeq = this.lastSeq;
    this.persisted = stored !== null;
    for (const member of stored?.members ?? []) {
      this.members.set(member.userId, { ...member, durableDeliveredSeq: member.deliveredSeq });
    }
  }

  /** Some messages have not been shown to members yet. */
  get isHiding(): boolean {
    return this.hiddenSeq > this.committedSeq;
  }

  /** The message is for that user: a member, and one since before it was sent. */
  isFor(userId: string, seq: number): boolean {
    const member = this.members.get(userId);
    return member !== undefined && member.joinedSeq < seq;
  }

  /** A new member, who has nothing and is shown what comes from now on. */
  join(userId: string, role: Role = "member"): Member {
    const joinedSeq = this.lastSeq;
    const member = { userId, joinedSeq, role, ...watermarksAt(joinedSeq) };
    this.members.set(userId, member);
    return member;
  }

  /** The other one of a direct conversation; null in a group. */
  peerOf(userId: string): string | null {
    if (this.kind !== "direct") return null;
    for (const id of this.members.keys()) if (id !== userId) return id;
    return null;
  }

  /**
   * The store has messages up to here, be they of others. What is on its way there with such a `seq`
   * is given another one when that turns out. `mayDelete`: one of those that were not known so far may
   * say that a message was deleted.
   */
  heardOf(seq: number, mayDelete = true): void {
    if (mayDelete && seq > this.committedSeq) this.deletions += 1;
    this.committedSeq = Math.max(this.committedSeq, seq);
    this.lastSeq = Math.max(this.lastSeq, seq);
  }

  /**
   * What others have written: messages, who is a member now, and what the conversation is. Nothing
   * that is uncommitted has a `seq` any more.
   */
  learn(stored: StoredConversation): Learned {
    this.heardOf(stored.lastSeq);
    this.lastSeq = this.committedSeq;
    this.hiddenSeq = 0;
    return this.#take(stored);
  }

  /** As `learn`; what is on its way to disk, be it of messages, stays as it is. */
  relearn(stored: StoredConversation): Learned {
    this.heardOf(stored.lastSeq);
    return this.#take(stored);
  }

  /** The store has these marks of a member; null: it is known here that they are as far. */
  heardMarks(userId: string, marks: Watermarks): MovedMarks | null {
    const member = this.members.get(userId);
    return member === undefined ? null : moveMarks(member, marks);
  }

  /** Tells other memberships apart, be it by one member or what they may do; not how far they are. */
  get membersDigest(): number {
    return digestOf(this.members.values());
  }

  /** Tells apart what other nodes may change: the memberships, and what the conversation is. */
  get digest(): number {
    const { title, picture, disappearAfterSeconds } = this.profile;
    const profile = JSON.stringify([title, picture, disappearAfterSeconds]);
    return (this.membersDigest ^ digestOfText(profile)) >>> 0;
  }

  #take(stored: StoredConversation): Learned {
    const { title, picture, disappearAfterSeconds } = stored;
    this.profile = { title, picture, disappearAfterSeconds };
    this.persisted = true;
    const joined: string[] = [];
    const moved: MovedMarks[] = [];
    const there = new Set(stored.members.map(({ userId }) => userId));
    const left = [...this.members.keys()].filter((id) => !there.has(id));
    for (const userId of left) this.members.delete(userId);
    for (const { userId, joinedSeq, deliveredSeq, readSeq, role } of stored.members) {
      const known = this.members.get(userId);
      if (known === undefined) {
        joined.push(userId);
        const marks = { deliveredSeq, readSeq, durableDeliveredSeq: deliveredSeq };
        this.members.set(userId, { userId, joinedSeq, role, ...marks });
        continue;
      }
      known.role = role;
      if (known.joinedSeq !== joinedSeq) {
        // They left, and came again: what they had before says nothing.
        Object.assign(known, {
          joinedSeq,
          deliveredSeq,
          readSeq,
          durableDeliveredSeq: deliveredSeq,
        });
        continue;
      }
      const marks = this.heardMarks(userId, { deliveredSeq, readSeq });
      if (marks !== null) moved.push(marks);
    }
    return { joined, left, moved };
  }

  /**
   * Every member but `userId` has received everything up to `seq`, and the disk knows. False where
   * there is no other member.
   */
  isDeliveredToAllBut(userId: string, seq: number): boolean {
    let others = 0;
    for (const member of this.members.values()) {
      if (member.userId === userId) continue;
      if (member.durableDeliveredSeq < seq) return false;
      others += 1;
    }
    return others > 0;
  }

  /** Members have received everything up to here, be it for one of them, who may have sent it. */
  get deliveredToAllButOneSeq(): number {
    let lowest = this.committedSeq;
    let second = this.committedSeq;
    for (const { durableDeliveredSeq } of this.members.values()) {
      if (durableDeliveredSeq < lowest) [lowest, second] = [durableDeliveredSeq, lowest];
      else if (durableDeliveredSeq < second) second = durableDeliveredSeq;
    }
    return second;
  }

  isReadByAllBut(userId: string, seq: number): boolean {
    let others = 0;
    for (const member of this.members.values()) {
      if (member.userId === userId) continue;
      if (member.readSeq < seq) return false;
      others += 1;
    }
    return others > 0;
  }
}

/** In memory, a conversation takes as much as so many of its members. */
const OWN_WEIGHT = 3;

/**
 * The conversations in use, loaded from the store when first asked for. Only those without
 * uncommitted changes are let go.
 */
export class Conversations {
  readonly #cache: RecentlyUsed<Conversation>;
  readonly #loading = new Map<string, Promise<Conversation | null>>();

  /** How to read a conversation again that other nodes may have changed; null: there are none. */
  reloads: Pick<ConversationReloads, "reload"> | null = null;

  /** @param capacity members of conversations in memory, where each conversation counts for three more */
  constructor(
    readonly store: ChatStore,
    capacity: number,
  ) {
    this.#cache = new RecentlyUsed({
      capacity,
      weigh: ({ members }) => OWN_WEIGHT + members.size,
      isHeld: ({ uncommitted }) => uncommitted > 0,
    });
  }

  /** How many are in memory. */
  get size(): number {
    return this.#cache.size;
  }

  /** Only what is in memory. */
  peek(id: string): Conversation | undefined {
    return this.#cache.get(id);
  }

  find(id: string): MaybePromise<Conversation | null> {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const underWay = this.#loading.get(id);
    if (underWay !== undefined) return underWay;
    const stored = this.store.conversation(id);
    if (!(stored instanceof Promise)) return this.#loaded(id, stored);
    const loading = stored
      .then((conversation) => this.#loaded(id, conversation))
      .finally(() => this.#loading.delete(id));
    this.#loading.set(id, loading);
    return loading;
  }

  /** Those in memory. */
  cached(): Iterable<Conversation> {
    return this.#cache.values();
  }

  /** Resolves when it is as the store has it, where other nodes may have changed it. */
  async reload(conversation: Conversation): Promise<void> {
    await this.reloads?.reload(conversation);
  }

  /** As `find`, as it is now, also where other nodes have just changed it. */
  findFresh(id: string): MaybePromise<Conversation | null> {
    if (this.reloads === null) return this.find(id);
    const early = this.#cache.get(id) ?? this.#loading.get(id);
    return early === undefined ? this.find(id) : this.#freshOf(id, early);
  }

  /** What there is of it in memory, or is on its way there, is as it is now when this resolves. */
  async refreshKnown(id: string): Promise<void> {
    if (this.#cache.get(id) !== undefined || this.#loading.has(id)) await this.findFresh(id);
  }

  /** @param early it, or what a look found that began before */
  async #freshOf(
    id: string,
    early: MaybePromise<Conversation | null>,
  ): Promise<Conversation | null> {
    const found = await early;
    if (found === null) return this.find(id);
    await this.reload(found);
    return found;
  }

  /** As `find`; another node may just have made the user a member. */
  findAs(userId: string, id: string): MaybePromise<Conversation | null> {
    const cached = this.#cache.get(id);
    return cached?.members.has(userId) === false ? this.findFresh(id) : this.find(id);
  }

  /**
   * The conversation, for one of its members. Throws CONVERSATION_NOT_FOUND alike when there is
   * none and when the user is not a member, so that nobody learns which ids exist.
   */
  findFor(userId: string, id: string): MaybePromise<Conversation> {
    return whenReady(this.findAs(userId, id), (conversation) => {
      if (conversation === null || !conversation.members.has(userId)) {
        throw conversationNotFound(id);
      }
      return conversation;
    });
  }

  /** A conversation that the store does not know yet. `ownerId`: of those users; null: nobody's. */
  open(
    input: NewConversationInput,
    userIds: readonly string[],
    ownerId: string | null,
  ): Conversation {
    const conversation = new Conversation(input, null);
    for (const userId of userIds)
      conversation.join(userId, userId === ownerId ? "owner" : "member");
    this.#cache.set(input.id, conversation);
    return conversation;
  }

  /** The direct conversation of the two, which the store does not know yet. */
  openDirect(id: string, userIds: readonly [string, string], nowMs: number): Conversation {
    const profile = { title: null, picture: null, disappearAfterSeconds: null };
    return this.open({ id, kind: "direct", createdMs: nowMs, ...profile }, userIds, null);
  }

  /** After a failed commit: what was never written is as if it had never been. */
  rollBack(conversation: Conversation): void {
    conversation.lastSeq = conversation.committedSeq;
    conversation.hiddenSeq = 0;
    for (const member of conversation.members.values()) {
      member.deliveredSeq = Math.min(member.deliveredSeq, conversation.committedSeq);
      member.readSeq = Math.min(member.readSeq, conversation.committedSeq);
      const { durableDeliveredSeq } = member;
      member.durableDeliveredSeq = Math.min(durableDeliveredSeq, conversation.committedSeq);
      // The next message may have a seq that was given to one of those before.
      member.joinedSeq = Math.min(member.joinedSeq, conversation.committedSeq);
    }
    if (!conversation.persisted) this.#cache.delete(conversation.id);
  }

  /** Learns from the store how far the conversation has come. */
  refresh(conversation: Conversation): MaybePromise<void> {
    return whenReady(this.store.conversation(conversation.id), (stored) => {
      if (stored !== null) conversation.heardOf(stored.lastSeq);
    });
  }

  #loaded(id: string, stored: StoredConversation | null): Conversation | null {
    const raced = this.#cache.get(id);
    if (raced !== undefined) return raced;
    if (stored === null) return null;
    const conversation = new Conversation(stored, stored);
    this.#cache.set(id, conversation);
    return conversation;
  }
}

function watermarksAt(seq: number) {
  return { deliveredSeq: seq, readSeq: seq, durableDeliveredSeq: seq };
}

export function conversationNotFound(id: string): AppError {
  return new AppError("CONVERSATION_NOT_FOUND", `No conversation ${id} of which you are a member`);
}
