import type { Random } from "../../fuzz/random.ts";
import type { Conversation, Device as DeviceIdentity } from "../checker/record.ts";

export interface WorldSize {
  readonly pairs: number;
  readonly groups: number;
  readonly groupMembers: number;
}

/** Who there is, and who talks with whom. */
export interface World {
  readonly conversations: readonly Conversation[];
  readonly devices: readonly DeviceIdentity[];
  /** Groups, which must be in the database before the server starts. */
  readonly groups: readonly Conversation[];
  /** The other one of a direct conversation, which its first message opens; null in a group. */
  recipientOf(conversationId: string, senderId: string): string | null;
  conversationsOf(userId: string): readonly Conversation[];
}

/** One user in three has a second device; two devices in three acknowledge what they get. */
export function createWorld(
  { pairs, groups, groupMembers }: WorldSize,
  random: Random,
  userIds: readonly string[] = Array.from({ length: 2 * pairs }, (_, index) => `user-${index}`),
): World {
  const direct = Array.from({ length: pairs }, (_, index) => ({
    id: `pair-${index}`,
    memberIds: userIds.slice(2 * index, 2 * index + 2),
  }));
  const grouped = Array.from({ length: groups }, (_, index) => ({
    id: `group-${index}`,
    memberIds: someOf(userIds, groupMembers, random),
  }));
  const devices = userIds.flatMap((userId, index): DeviceIdentity[] => {
    const first = {
      id: `${userId}-a`,
      userId,
      ack: random.chance(2 / 3) ? "client" : "auto",
    } as const;
    const second = {
      id: `${userId}-b`,
      userId,
      ack: random.chance(2 / 3) ? "client" : "auto",
    } as const;
    return index % 3 === 0 ? [first, second] : [first];
  });
  const conversations = [...direct, ...grouped];
  const byId = new Map(direct.map((conversation) => [conversation.id, conversation]));
  const byUser = new Map<string, Conversation[]>(userIds.map((userId) => [userId, []]));
  for (const conversation of conversations) {
    for (const userId of conversation.memberIds) byUser.get(userId)?.push(conversation);
  }
  return {
    ...{ conversations, devices, groups: grouped },
    recipientOf: (id, senderId) =>
      byId.get(id)?.memberIds.find((memberId) => memberId !== senderId) ?? null,
    conversationsOf: (userId) =>
      conversations.filter(({ memberIds }) => memberIds.includes(userId)),
  };
}

function someOf<Item>(items: readonly Item[], count: number, random: Random): Item[] {
  const left = [...items];
  const chosen: Item[] = [];
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(random.below(left.length), 1));
  }
  return chosen;
}
