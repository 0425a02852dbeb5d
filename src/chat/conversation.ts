import type { Member } from "./member.ts";
import { digestOf, digestOfText } from "./members-digest.ts";
import { type MovedMarks, moveMarks } from "./moved-marks.ts";
import type {
  ConversationKind,
  ConversationProfile,
  Role,
  StoredConversation,
  Watermarks,
} from "./stored-chats.ts";

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
    const before = new Map(this.members);
    this.members.clear(); // They are in the order of the store, here as on all nodes.
    for (const { userId, joinedSeq, deliveredSeq, readSeq, role } of stored.members) {
      const known = before.get(userId);
      // Who has left and joined again meanwhile is somebody new, without marks of what came between.
      if (known?.joinedSeq !== joinedSeq) {
        joined.push(userId);
        const marks = { deliveredSeq, readSeq, durableDeliveredSeq: deliveredSeq };
        this.members.set(userId, { userId, joinedSeq, role, ...marks });
        continue;
      }
      before.delete(userId);
      this.members.set(userId, known);
      known.role = role;
      const marks = this.heardMarks(userId, { deliveredSeq, readSeq });
      if (marks !== null) moved.push(marks);
    }
    const left = [...before.keys()];
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

function watermarksAt(seq: number) {
  return { deliveredSeq: seq, readSeq: seq, durableDeliveredSeq: seq };
}
