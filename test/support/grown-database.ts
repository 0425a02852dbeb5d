import type { NewConversation } from "../../src/chat/chat-writes.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { CONTENTS } from "../contract/contents.ts";
import { AT_ONCE, expandAll, noticeKey, target } from "./noticed.ts";
import { idsFound, idsFoundAtLast, searchQuery } from "./search-queries.ts";
import { attachment, batch, conversation, EPOCH_MS, joining, message } from "./stored.ts";
import { job, queueBatch } from "./stored-jobs.ts";

const USERS = ["alice", "bob", "carol", "dave", "leaver", "\u0001odd\0 name", "Ω"];
const LATER_MS = EPOCH_MS + 1_000_000;
/** Of the user who is being erased, more messages than one portion erases. */
const LEAVERS_MESSAGES = 40;

/**
 * Makes, at `path`, what a server leaves that has been used for long: rows of all kinds, with holes
 * where others were. `many` messages of one conversation are there besides.
 */
export async function growDatabase(path: string, many = 100): Promise<void> {
  const storage = await openSqliteStorage({ path });
  await growChats(storage, many);
  await changeMessages(storage);
  await growTheRest(storage);
  await growNotices(storage);
  // What was committed before is in the index of words then.
  const sentinel = message(1, { conversationId: "index", content: "sentinel" });
  await storage.chat.commit(batch({ messages: [sentinel] }));
  await idsFoundAtLast(storage.search, searchQuery("sentinel", { userId: "the index" }));
  await storage.close();
}

async function growChats({ chat }: Storage, many: number): Promise<void> {
  const group: NewConversation = {
    ...conversation("team", ["dave", "alice", "carol", "leaver", "\u0001odd\0 name"]),
    ...{ title: "The \0 team", picture: "https://pics.example/t", disappearAfterSeconds: 60 },
  };
  const conversations = [
    ...[conversation(), group, conversation("many", ["alice", "Ω"]), conversation("empty")],
    ...[conversation("old", ["alice", "bob", "carol"]), conversation("index", ["the index"])],
  ];
  const users = USERS.map((userId, at) => ({
    userId,
    name: `${userId}!`,
    lastSeenMs: EPOCH_MS + at,
  }));
  await chat.commit(batch({ conversations, users }));
  const special = CONTENTS.map(([, content], at) =>
    message(at + 1, { content, clientMessageId: content || null }),
  );
  await chat.commit(batch({ messages: special }));
  const inTeam = (seq: number, fields: Partial<StoredMessage> = {}) =>
    message(seq, { conversationId: "team", recipientId: null, ...fields });
  await chat.commit(
    batch({
      messages: [
        inTeam(1, { content: "hello all", mentions: '["carol","dave"]', clientMessageId: "t1" }),
        inTeam(2, {
          senderId: "dave",
          senderName: "Dave",
          replyTo: "team#1",
          content: "an answer",
        }),
        inTeam(3, { content: "", type: "TITLE", event: '{"title":"The team"}' }),
        inTeam(4, { content: "gone soon", expiresMs: LATER_MS }),
        inTeam(5, { content: "to be deleted", mentions: '["dave"]', clientMessageId: "t5" }),
        inTeam(6, { content: "to be edited", mentions: '["carol"]' }),
        inTeam(7, { content: "to be pinned", type: "IMAGE" }),
      ],
    }),
  );
  const leavers = Array.from({ length: LEAVERS_MESSAGES }, (_, at) =>
    inTeam(at + 8, { ...{ senderId: "leaver", senderName: "Lea" }, clientMessageId: `l${at}` }),
  );
  await chat.commit(batch({ messages: leavers }));
  const old = Array.from({ length: 30 }, (_, at) =>
    message(at + 1, {
      ...{ conversationId: "old", recipientId: null, clientMessageId: `old ${at}` },
      timestampMs: EPOCH_MS - 1_000 + at,
    }),
  );
  await chat.commit(batch({ messages: old }));
  for (let seq = 1; seq <= many; seq += 1_000) {
    const count = Math.min(1_000, many - seq + 1);
    const messages = Array.from({ length: count }, (_, at) =>
      message(seq + at, {
        conversationId: "many",
        recipientId: "Ω",
        clientMessageId: `n${seq + at}`,
      }),
    );
    await chat.commit(batch({ messages }));
  }
}

async function changeMessages({ chat, attachments }: Storage): Promise<void> {
  for (const id of ["bound", "unsent", "discarded", "of the deleted"]) {
    await attachments.put(attachment(id, { width: 4, height: 3, hasThumbnail: id === "bound" }));
  }
  const shown = (id: string) => JSON.stringify([{ id, name: `${id}.png` }]);
  await chat.commit(
    batch({
      messages: ["bound", "of the deleted"].map((id, at) =>
        message(CONTENTS.length + at + 1, { attachments: shown(id) }),
      ),
    }),
  );
  await attachments.discard(["discarded"]);
  const reacted = { kind: "react", messageId: "team#1" } as const;
  await chat.commit(
    batch({
      messageChanges: [
        {
          kind: "edit",
          messageId: "team#6",
          content: "edited",
          editedMs: LATER_MS,
          mentions: '["dave"]',
        },
        { kind: "edit", messageId: "team#6", content: "edited again", editedMs: LATER_MS + 1 },
        { kind: "delete", messageId: "team#5", deletedMs: LATER_MS },
        { kind: "delete", messageId: `chat#${CONTENTS.length + 2}`, deletedMs: LATER_MS },
        { kind: "pin", messageId: "team#7", pinnedMs: LATER_MS },
        { ...reacted, userId: "dave", emoji: "👍", reactedMs: LATER_MS },
        { ...reacted, userId: "carol", emoji: "🎉\0", reactedMs: LATER_MS - 1 },
        { ...reacted, userId: "leaver", emoji: "👋", reactedMs: LATER_MS },
      ],
      messages: [
        message(LEAVERS_MESSAGES + 8, {
          ...{ conversationId: "team", type: "MESSAGE_EDITED", event: "{}", replyTo: "team#6" },
          timestampMs: LATER_MS + 2,
        }),
      ],
    }),
  );
  // From the bottom of `old`: what the senders' own ids stood for stays.
  const rule = { beforeMs: EPOCH_MS - 980, keepLast: null };
  await chat.removeExpired({ ...rule, after: null, limit: 1_000 });
}

async function growTheRest(storage: Storage): Promise<void> {
  const { chat, queues, blocks, invites, users, erasures, revocations } = storage;
  const inTeam = { conversationId: "team" };
  await chat.commit(
    batch({
      watermarks: [
        { ...inTeam, userId: "carol", deliveredSeq: 6, readSeq: 2 },
        { conversationId: "chat", userId: "bob", deliveredSeq: 3, readSeq: 3 },
      ],
      removedMembers: [{ ...inTeam, userId: "alice" }],
      addedMembers: [
        { ...joining("bob", 5), ...inTeam, role: "admin" },
        { ...joining("alice", 6), ...inTeam },
      ],
      roles: [{ ...inTeam, userId: "dave", role: "owner" }],
      preferences: [
        { ...inTeam, userId: "dave", mutedUntilMs: LATER_MS, pinnedMs: EPOCH_MS },
        { conversationId: "chat", userId: "bob", archivedMs: EPOCH_MS },
      ],
    }),
  );
  await queues.commit(
    queueBatch({
      appended: [
        ...[job(1), job(2, { body: new Uint8Array([0, 255, 1]), expiresMs: LATER_MS })],
        ...[job(3), job(4, { body: new Uint8Array(), headers: ["a\0", "\u0001\u0001 \ud83d"] })],
        ...[job(5, { body: "" }), job(6, { body: "\0 text", queue: "/queue/\u0001" })],
      ],
      redelivered: [{ id: "job#3", deliveries: 4 }],
    }),
  );
  await queues.commit(queueBatch({ removed: ["job#1"] }));
  for (const [blockerId, blockedId] of [
    ["alice", "zoe"],
    ["alice", "bob"],
    ["bob", "eve"],
  ] as const) {
    await blocks.put({ blockerId, blockedId }, true);
  }
  const invite = { conversationId: "team", creatorId: "dave", createdMs: EPOCH_MS };
  await invites.put({ ...invite, code: "later", expiresMs: LATER_MS });
  await invites.put({ ...invite, code: "for good", expiresMs: null });
  await users.putProfile("alice", { name: "Ally", picture: "https://pics.example/a" });
  await users.putProfile("never there", { name: "N\0" });
  await revocations.add({ kind: "user", subject: "dave", revokedMs: EPOCH_MS, forgetMs: null });
  await revocations.add({ kind: "token", subject: "jti", revokedMs: 1, forgetMs: LATER_MS });
  // One is done; the other one is in the middle of the user's messages.
  const erasure = { requestedMs: LATER_MS, keepsMessages: true };
  await erasures.begin({ ...erasure, userId: "gone" });
  await erasures.finish({ userId: "gone", keepsMessages: true }, LATER_MS + 1);
  await erasures.begin({ ...erasure, userId: "leaver", keepsMessages: false });
  for (const limit of [10, LEAVERS_MESSAGES + 10, 15]) await erasures.erasePortion("leaver", limit);
}

/** Of what was sent, of what waits, and of what could not be sent, something each. */
async function growNotices({ chat, notices, webhooks }: Storage): Promise<void> {
  const odd = target("odd", { userId: "\u0001odd\0 name", address: "https://push.example/\u0001" });
  for (const each of [target("browser", { keys: '{"auth":"\\u0000"}' }), odd]) {
    await notices.putTarget(each);
  }
  const quietHours = { from: "22:00", to: "07:00", timeZone: "Europe/\0Vienna" };
  await notices.putPreferences("bob", { ...DEFAULT_PREFERENCES, quietHours });
  const next = (await chat.conversation("chat"))?.lastSeq ?? 0;
  const said = ["chat", "old"].map((conversationId) =>
    message((conversationId === "chat" ? next : 30) + 1, { conversationId }),
  );
  await chat.commit(batch({ messages: said, outbox: said.map(({ id }) => id) }));
  await expandAll(notices, { webhooks: true });
  const dead = { kind: "dead", attempts: 3, reason: "\0 410", diedMs: LATER_MS } as const;
  await notices.settle([
    { ...noticeKey(next + 1), ...dead, letterId: "letter", event: null },
    { ...noticeKey(31, "browser", "old"), kind: "sent", sentMs: 1, nextMs: LATER_MS },
  ]);
  const presence = { id: "\u0001p", type: "presence.changed", lane: "\0", createdMs: EPOCH_MS };
  await webhooks.add([{ ...presence, data: '{"a":"\\u0000"}' }]);
  const [first] = await webhooks.due(LATER_MS, [], 1);
  await webhooks.settle([{ ...dead, position: first?.position ?? 0, letterId: "of an event" }]);
  const later = ["chat", "old"].map((conversationId) =>
    message((conversationId === "chat" ? next : 30) + 2, { conversationId }),
  );
  await chat.commit(batch({ messages: later, outbox: later.map(({ id }) => id) }));
  await notices.expand({ limit: 1, nowMs: LATER_MS, channels: [AT_ONCE], webhooks: true });
}

/** All that a storage says of what `growDatabase` made. */
export async function everythingIn(storage: Storage): Promise<Record<string, unknown>> {
  const { chat, users, erasures, attachments, search, notices, webhooks } = storage;
  const said: Record<string, unknown> = {};
  for (const id of ["chat", "team", "many", "empty", "old"]) {
    said[`conversation ${id}`] = await chat.conversation(id);
    const history = await chat.history({ conversationId: id, limit: 100_000 });
    said[`history ${id}`] = history;
    for (const { id: messageId } of history.slice(0, 100)) {
      said[`versions ${messageId}`] = await chat.versions(messageId);
      said[`replies ${messageId}`] = await chat.replies(messageId, 0, 10);
    }
    said[`pinned ${id}`] = await chat.pinned(id, 10);
    said[`invites ${id}`] = await storage.invites.ofConversation(id);
  }
  for (const userId of [...USERS, "gone"]) {
    const list = { userId, after: null, limit: 100 };
    said[`list ${userId}`] = [
      await chat.conversationsOf({ ...list, archived: false }),
      await chat.conversationsOf({ ...list, archived: true }),
    ];
    said[`backlog ${userId}`] = await chat.backlog(userId);
    said[`after ${userId}`] = await chat.conversationsAfter(userId, "many#5", {
      after: null,
      limit: 99,
    });
    said[`contacts ${userId}`] = (await chat.contactsOf(userId, 100)).toSorted();
    said[`memberships ${userId}`] = await users.membershipsOf(userId, null, 100);
    said[`reactions ${userId}`] = await users.reactionsOf(userId, null, 100);
    said[`erasure ${userId}`] = await erasures.erasure(userId);
    said[`untold ${userId}`] = (await erasures.untold(userId, 100)).toSorted();
    said[`targets ${userId}`] = await notices.targetsOf(userId);
    said[`wishes ${userId}`] = await notices.preferencesOf(userId);
    said[`files ${userId}`] = [
      await attachments.bytesOf(userId),
      await attachments.unsentOf(userId, null, 100),
    ];
    const found = async (text: string) => await idsFound(search, searchQuery(text, { userId }));
    said[`found ${userId}`] = [
      ...[await found("message 1"), await found("edited"), await found("deleted")],
      ...[await found("日本語"), await found("answer")],
    ];
  }
  for (const [, content] of CONTENTS) {
    said[`sent ${content}`] = await chat.messageByClientId("alice", content);
  }
  said.removed = await chat.messageByClientId("alice", "old 3");
  said.last = await chat.lastMessageId();
  said.disappearing = await chat.disappearing(10);
  said.users = await users.list(null, 100);
  said.erasures = await erasures.underWay();
  said.due = await attachments.due(LATER_MS * 2, 100);
  // Lone surrogates within headers are kept by SQLite alone.
  said.queued = (await storage.queues.messages()).map(({ headers, ...queued }) => ({
    ...{ ...queued, headers: headers.map((header) => header.toWellFormed()) },
  }));
  said.notices = [await notices.due("webpush", LATER_MS * 2, 100), await notices.waiting()];
  said.letters = await notices.deadLetters(null, 100);
  said.told = [await webhooks.due(LATER_MS * 2, [], 100), await webhooks.waiting()];
  said.blocks = await storage.blocks.all();
  said.revocations = (await storage.revocations.all()).toSorted((a, b) =>
    a.kind.localeCompare(b.kind),
  );
  return said;
}
