import { expect } from "bun:test";
import * as api from "./client.gen.ts";
import type { Caller } from "./request.ts";

/** The server that is asked, and a key of its `api.keys`. */
export interface Place {
  readonly url: string;
  readonly apiKey: string;
}

const userOf = ({ url }: Place, userId: string): { caller: Caller } => ({
  caller: { url, headers: { "X-User-Id": userId } },
});

const backEndOf = ({ url, apiKey }: Place): { caller: Caller } => ({
  caller: { url, headers: { "X-Api-Key": apiKey } },
});

type Data<Answer, Status> =
  Extract<Answer, { readonly status: Status }> extends {
    readonly data: infer Body;
  }
    ? Body
    : never;

/** The body of an answer, which must have the status: of the type that the document gives it. */
function only<Answer extends { status: number; data: unknown }, Status extends Answer["status"]>(
  answer: Answer,
  status: Status,
): Data<Answer, Status> {
  const { data } = answer;
  expect({ status: answer.status, data }).toEqual({ status, data });
  return data as Data<Answer, Status>;
}

/** With a group that Alice owns and Bob is in; its id. */
async function groupOf(place: Place, title: string): Promise<string> {
  const alice = userOf(place, "alice");
  const made = await api.createConversation({ memberIds: ["bob"], title }, undefined, alice);
  const { id, kind, memberIds } = only(made, 201);
  expect(kind).toBe(api.ConversationKind.group);
  expect(memberIds).toEqual(["alice", "bob"]);
  return id;
}

export async function groups(place: Place): Promise<void> {
  const [alice, bob, backEnd] = [
    userOf(place, "alice"),
    userOf(place, "bob"),
    backEndOf(place),
  ] as const;
  const own = await groupOf(place, "Walkers");
  const group: api.NewGroup = { id: "announced", memberIds: ["bob"], ownerId: "alice" };
  expect(only(await api.createConversation(group, undefined, backEnd), 201).id).toBe("announced");
  expect(only(await api.createConversation(group, undefined, backEnd), 200).id).toBe("announced");
  const key = { "Idempotency-Key": "one-group" };
  const byKey = { memberIds: ["bob"] };
  const first = only(await api.createConversation(byKey, key, alice), 201);
  expect(only(await api.createConversation(byKey, key, alice), 200)).toEqual(first);

  const change: api.ProfileChange = { title: "Hikers", picture: "https://example.com/h.png" };
  expect(only(await api.updateConversation(own, change, alice), 200)).toEqual({
    title: "Hikers",
    picture: "https://example.com/h.png",
    disappearAfterSeconds: null,
  });
  expect(only(await api.updateConversation(own, change, bob), 403).code).toBe("NOT_PERMITTED");
  only(await api.updatePreferences(own, { pinned: true }, bob), 204);
  const conversation: api.Conversation = only(await api.getConversation(own, bob), 200);
  expect(conversation.title).toBe("Hikers");
  expect(Date.parse(conversation.pinnedAt ?? "")).toBeGreaterThan(0);

  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query: api.ListConversationsParams = { limit: 1, ...(cursor !== null && { cursor }) };
    const page: api.Conversations = only(await api.listConversations(query, bob), 200);
    ids.push(...page.conversations.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== null);
  expect(ids[0]).toBe(own);
  expect(ids).toContain("announced");
  expect(only(await api.getConversation("nowhere", bob), 404).code).toBe("CONVERSATION_NOT_FOUND");
}

export async function messages(place: Place): Promise<void> {
  const [alice, bob] = [userOf(place, "alice"), userOf(place, "bob")] as const;
  const id = await groupOf(place, "Talk");
  const say = async (content: string, more: Partial<api.NewMessage> = {}) =>
    only(await api.sendMessage(id, { content, ...more }, undefined, alice), 201);
  const first = await say("first", { clientMessageId: `${id}-1` });
  expect(await say("again", { clientMessageId: `${id}-1` })).toEqual(first);
  const second = await say("second", { replyTo: first.id });
  const third = await say("third");

  only(await api.editMessage(first.id, { content: "edited" }, alice), 204);
  only(await api.setReaction(first.id, { emoji: "👍" }, bob), 204);
  only(await api.deleteMessage(third.id, alice), 204);
  only(await api.pinMessage(second.id, alice), 204);

  const page: api.ListMessagesParams = { after: first.seq - 1, limit: 3 };
  const history: api.Message[] = only(await api.listMessages(id, page, bob), 200).messages;
  expect(history.map(({ seq }) => seq)).toEqual([first.seq, second.seq, third.seq]);
  const [edited, reply, deleted] = history;
  expect(edited?.content).toBe("edited");
  expect(edited?.replyCount).toBe(1);
  expect(edited?.reactions).toEqual([{ emoji: "👍", userIds: ["bob"] }]);
  expect(reply?.replyTo).toBe(first.id);
  expect(deleted?.content).toBe("");
  expect(Date.parse(deleted?.deletedAt ?? "")).toBeGreaterThan(0);
  const before = only(await api.listMessages(id, { before: second.seq, limit: 1 }, bob), 200);
  expect(before.messages.map(({ seq }) => seq)).toEqual([first.seq]);

  const versions: api.Version[] = only(await api.listVersions(first.id, bob), 200).versions;
  expect(versions.map(({ content }) => content)).toEqual(["first"]);
  const replies = only(await api.listReplies(first.id, undefined, bob), 200);
  expect(replies.messages.map(({ content }) => content)).toEqual(["second"]);
  const pins = only(await api.listPins(id, bob), 200);
  expect(pins.messages.map(({ content }) => content)).toEqual(["second"]);
  only(await api.unpinMessage(second.id, alice), 204);
  only(await api.removeReaction(first.id, bob), 204);

  only(await api.markRead(third.id, bob), 204);
  const status: api.MessageStatus = only(await api.getMessageStatus(first.id, alice), 200);
  expect(status.status).toBe(api.DeliveryStatus.READ);
  expect(status.members).toEqual([{ userId: "bob", status: api.DeliveryStatus.READ }]);
  const refused = await api.editMessage(first.id, { content: "not mine" }, bob);
  expect(only(refused, 403).code).toBe(api.ErrorCode.NOT_PERMITTED);
}

export async function members(place: Place): Promise<void> {
  const [alice, carol] = [userOf(place, "alice"), userOf(place, "carol")] as const;
  const id = await groupOf(place, "Members");
  only(await api.addMember(id, "carol", alice), 204);
  only(await api.setMemberRole(id, "carol", { role: api.Role.admin }, alice), 204);
  const found: api.Member[] = only(await api.listMembers(id, carol), 200).members;
  expect(found.map(({ userId, role }) => [userId, role])).toEqual([
    ["alice", api.Role.owner],
    ["bob", api.Role.member],
    ["carol", api.Role.admin],
  ]);
  only(await api.removeMember(id, "bob", carol), 204);
  only(await api.removeMember(id, "carol", carol), 204);
  expect(only(await api.listMembers(id, carol), 404).code).toBe("CONVERSATION_NOT_FOUND");
}

export async function invites(place: Place): Promise<void> {
  const [alice, dave, erin] = [
    userOf(place, "alice"),
    userOf(place, "dave"),
    userOf(place, "erin"),
  ] as const;
  const id = await groupOf(place, "By link");
  const expiresAt = "2099-01-01T00:00:00.000Z";
  const invite: api.Invite = only(await api.createInvite(id, { expiresAt }, alice), 201);
  expect(invite.expiresAt).toBe(expiresAt);
  expect(only(await api.listInvites(id, alice), 200).invites).toEqual([invite]);
  const preview: api.InvitePreview = only(await api.previewInvite(invite.code, dave), 200);
  expect(preview).toMatchObject({ conversationId: id, title: "By link", memberCount: 2 });
  expect(only(await api.joinByInvite(invite.code, dave), 200).memberCount).toBe(3);
  only(await api.revokeInvite(id, invite.code, alice), 204);
  expect(only(await api.joinByInvite(invite.code, erin), 404).code).toBe("INVITE_NOT_FOUND");
}

export async function presence(place: Place): Promise<void> {
  const alice = userOf(place, "alice");
  const asked = await api.listPresence({ users: "olivia,nobody" }, alice);
  const users: api.Presence[] = only(asked, 200).users;
  expect(users.map(({ userId, status }) => [userId, status])).toEqual([
    ["olivia", api.PresenceStatus.ONLINE],
  ]);
  const online = only(await api.listPresence(undefined, alice), 200).users;
  expect(online.map(({ userId }) => userId)).toEqual(["olivia"]);
}

export async function blocks(place: Place): Promise<void> {
  const [frank, grace] = [userOf(place, "frank"), userOf(place, "grace")] as const;
  only(await api.blockUser("grace", frank), 204);
  expect(only(await api.listBlocks(frank), 200)).toEqual({ userIds: ["grace"] });
  const message = { content: "hello?", recipientId: "frank" };
  expect(only(await api.sendMessage("f-g", message, undefined, grace), 403).code).toBe("BLOCKED");
  only(await api.unblockUser("grace", frank), 204);
  expect(only(await api.sendMessage("f-g", message, undefined, grace), 201).seq).toBe(1);
}

export async function notifications(place: Place): Promise<void> {
  const [alice, backEnd] = [userOf(place, "alice"), backEndOf(place)] as const;
  const all: api.Notifications = only(await api.getNotifications(alice), 200);
  expect(all.channels).toEqual([]);
  expect(all.preferences.groups).toBe(api.GroupNotices.all);
  const change: api.NoticePreferencesChange = { quietHours: null, previews: false };
  const unset = only(await api.updateNotifications(change, alice), 404);
  expect(unset.code).toBe(api.ErrorCode.CHANNEL_NOT_AVAILABLE);
  const target: api.NewNoticeTarget = { channel: api.NoticeChannel.fcm, address: "token" };
  expect(only(await api.addNoticeTarget(target, alice), 404).code).toBe(unset.code);
  expect(only(await api.listNoticeTargets(alice), 200)).toEqual({ targets: [] });
  only(await api.removeNoticeTarget("0193a000-0000-7000-8000-000000000000", alice), 204);
  const letters: api.DeadLetters = only(await api.listDeadLetters({ limit: 10 }, backEnd), 200);
  expect(letters).toEqual({ deadLetters: [], next: null });
  expect(only(await api.replayDeadLetters({ all: true }, backEnd), 200).replayed).toBe(0);
  only(await api.forgetDeadLetters({ ids: [] }, backEnd), 204);
}

export async function backEnd(place: Place): Promise<void> {
  const server = backEndOf(place);
  const publication: api.Publication = { topic: "/topic/weather", body: '{"sun":true}' };
  only(await api.publish(publication, server), 204);
  expect(only(await api.publish(publication, userOf(place, "alice")), 401).code).toBe(
    api.ErrorCode.AUTHENTICATION_REQUIRED,
  );
  const stats: api.Stats = only(await api.getStats(server), 200);
  expect(stats.connections).toBe(1);
  expect(stats.memoryBytes).toBeGreaterThan(1_000_000);
  expect(only(await api.getMetrics(server), 200)).toContain("parley_info{version=");
  expect(only(await api.getHealth(server), 200).status).toBe(api.HealthStatus.UP);
  expect(only(await api.getReadiness(server), 200)).toBe("ready\n");
  expect(only(await api.disconnectUser("nobody", server), 200).connections).toBe(0);
  expect(only(await api.revokeUserTokens("nobody", server), 200).connections).toBe(0);
}
