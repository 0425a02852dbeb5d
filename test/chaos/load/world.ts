import type { Random } from "../../fuzz/random.ts";
import type { Conversation, Device as DeviceIdentity } from "../checker/record.ts";

export interface WorldSize {
  readonly pairs: number;
  readonly groups: number;
  readonly groupMembers: number;
  /** Users that are away until a row brings them back. */
  readonly absent: number;
}

/** Who there is, and who talks with whom. */
export interface World {
  readonly conversations: readonly Conversation[];
  readonly devices: readonly DeviceIdentity[];
  /** Groups, which must be in the database before the server starts. */
  readonly groups: readonly Conversation[];
  /** Direct conversations of those who are away, each with somebody who is not. */
  readonly withAbsent: readonly AbsentConversation[];
  readonly absentIds: ReadonlySet<string>;
  /** The other one of a direct conversation, which its first message opens; null in a group. */
  recipientOf(conversationId: string, senderId: string): string | null;
  conversationsOf(userId: string): readonly Conversation[];
  /** Those in which the user writes by themselves. */
  livelyOf(userId: string): readonly Conversation[];
}

export interface AbsentConversation extends Conversation {
  readonly writerId: string;
  readonly absentId: string;
}

/** One user in three has a second device; two devices in three acknowledge what they get. */
export function createWorld(size: WorldSize, random: Random): World {
  const userIds = Array.from({ length: 2 * size.pairs }, (_, index) => `user-${index}`);
  const absentIds = Array.from({ length: size.absent }, (_, index) => `absent-${index}`);
  const pairs = Array.from({ length: size.pairs }, (_, index) => ({
    id: `pair-${index}`,
    memberIds: userIds.slice(2 * index, 2 * index + 2),
  }));
  const groups = Array.from({ length: size.groups }, (_, index) => ({
    id: `group-${index}`,
    memberIds: [
      ...someOf(userIds, size.groupMembers, random),
      ...absentIds.slice(index, index + 1),
    ],
  }));
  const withAbsent = absentIds.map((absentId): AbsentConversation => {
    const writerId = random.pick(userIds);
    return { id: `to-${absentId}`, memberIds: [writerId, absentId], writerId, absentId };
  });
  const conversations = [...pairs, ...groups, ...withAbsent];
  const direct = new Map([...pairs, ...withAbsent].map((each) => [each.id, each]));
  const byUser = membersOf(conversations);
  const livelyByUser = membersOf([...pairs, ...groups]);
  return {
    ...{ conversations, groups, withAbsent, absentIds: new Set(absentIds) },
    devices: [
      ...userIds.flatMap((userId, index) => devicesOf(userId, index % 3 === 0, random)),
      ...absentIds.map((userId) => ({ id: `${userId}-a`, userId, ack: "client" }) as const),
    ],
    recipientOf: (id, senderId) =>
      direct.get(id)?.memberIds.find((memberId) => memberId !== senderId) ?? null,
    conversationsOf: (userId) => byUser.get(userId) ?? [],
    livelyOf: (userId) => livelyByUser.get(userId) ?? [],
  };
}

function devicesOf(userId: string, hasTwo: boolean, random: Random): DeviceIdentity[] {
  return (hasTwo ? ["a", "b"] : ["a"]).map((name) => ({
    ...{ id: `${userId}-${name}`, userId },
    ack: random.chance(2 / 3) ? "client" : "auto",
  }));
}

function membersOf(conversations: readonly Conversation[]): Map<string, Conversation[]> {
  const byUser = new Map<string, Conversation[]>();
  for (const conversation of conversations) {
    for (const userId of conversation.memberIds) {
      const known = byUser.get(userId);
      if (known === undefined) byUser.set(userId, [conversation]);
      else known.push(conversation);
    }
  }
  return byUser;
}

function someOf<Item>(items: readonly Item[], count: number, random: Random): Item[] {
  const left = [...items];
  const chosen: Item[] = [];
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(random.below(left.length), 1));
  }
  return chosen;
}
