import { describe, expect, test } from "bun:test";
import {
  hasGap,
  hasOlder,
  messageToReport,
  shownMessages,
  unreadCount,
} from "../../src/web/conversation.ts";
import { type Event, reduce, type State } from "../../src/web/state.ts";
import { conversationsByTime, strangersOnline } from "../../src/web/views.ts";
import type { ChatEvent, UserPresence } from "../../src/web/wire.ts";
import {
  arrived,
  composed,
  confirmed,
  contents,
  DM,
  draft,
  happening,
  listed,
  opened,
  page,
  stateAfter,
  statuses,
  wireMessage,
} from "./support.ts";

function conversation(state: State) {
  const found = state.conversations[DM];
  if (found === undefined) throw new Error(`${DM} is not in the state`);
  return found;
}

function presence(userId: string, status: UserPresence["status"]): UserPresence {
  return { userId, name: userId, status, lastSeenMs: 1_000 };
}

describe("one's own messages", () => {
  test("go from sending to sent to delivered to read", () => {
    const sending = [opened, composed("hi")];
    const read = {
      kind: "messages-read",
      receipt: { conversationId: DM, seq: 1, readerId: "bob" },
    } as const;
    const sent = [...sending, confirmed("hi", 1)];
    const delivered = [...sent, confirmed("hi", 1, "DELIVERED")];
    expect(statuses(stateAfter(...sending))).toEqual(["SENDING"]);
    expect(statuses(stateAfter(...sent))).toEqual(["SENT"]);
    expect(statuses(stateAfter(...delivered))).toEqual(["DELIVERED"]);
    expect(statuses(stateAfter(...delivered, read))).toEqual(["READ"]);
  });

  test("never go back", () => {
    const state = stateAfter(
      ...[opened, composed("hi"), confirmed("hi", 1, "DELIVERED"), confirmed("hi", 1, "SENT")],
      arrived(1, { senderId: "alice", clientMessageId: "hi", content: "hi" }),
    );
    expect(statuses(state)).toEqual(["DELIVERED"]);
  });

  test("a read receipt covers all before it, and none after it", () => {
    const state = stateAfter(
      ...[opened, composed("one"), composed("two"), composed("three")],
      ...[confirmed("one", 1), confirmed("two", 2), confirmed("three", 3)],
      { kind: "messages-read", receipt: { conversationId: DM, seq: 2, readerId: "bob" } },
    );
    expect(statuses(state)).toEqual(["READ", "READ", "SENT"]);
  });

  test("a delivery covers its own message alone", () => {
    const state = stateAfter(
      ...[opened, composed("one"), composed("two")],
      ...[confirmed("one", 1), confirmed("two", 2), confirmed("two", 2, "DELIVERED")],
    );
    expect(statuses(state)).toEqual(["SENT", "DELIVERED"]);
  });

  test("in a group they are read when everybody has read them", () => {
    const memberIds = ["alice", "bob", "carol"];
    const group = listed({ kind: "group", memberIds, memberCount: 3 });
    const sent = [group, composed("hi"), confirmed("hi", 1)];
    const read = (readerId: string) =>
      ({ kind: "messages-read", receipt: { conversationId: DM, seq: 1, readerId } }) as const;
    expect(statuses(stateAfter(...sent, read("bob")))).toEqual(["SENT"]);
    expect(statuses(stateAfter(...sent, read("bob"), read("carol")))).toEqual(["READ"]);
  });

  test("in a group of which not all members are known, receipts alone do not say that", () => {
    const group = listed({ kind: "group", memberIds: ["alice", "bob"], memberCount: 50 });
    const receipt = { conversationId: DM, seq: 1, readerId: "bob" };
    const state = stateAfter(
      ...[group, composed("hi"), confirmed("hi", 1)],
      ...[{ kind: "messages-read", receipt } as const],
    );
    expect(statuses(state)).toEqual(["SENT"]);
  });

  test("sent from another tab count as sent only when they are confirmed", () => {
    const copy = arrived(1, { senderId: "alice", clientMessageId: "hi" });
    expect(statuses(stateAfter(copy))).toEqual(["SENDING"]);
    expect(statuses(stateAfter(copy, confirmed("hi", 1)))).toEqual(["SENT"]);
  });

  test("stand at the end until the server has numbered them", () => {
    const state = stateAfter(opened, composed("mine"), arrived(1), arrived(2));
    expect(contents(state)).toEqual(["message 1", "message 2", "mine"]);
  });

  test("a refused one says why, and is sending again when tried again", () => {
    const failed = {
      kind: "message-failed",
      draft: draft("hi"),
      failure: "recipientId: must be somebody else",
    } as const;
    const state = stateAfter(opened, composed("hi"), failed);
    expect(conversation(state).messages[0]).toMatchObject({
      status: "FAILED",
      failure: "recipientId: must be somebody else",
    });
    const again = stateAfter(...[opened, composed("hi"), failed], {
      kind: "message-retried",
      draft: draft("hi"),
    });
    expect(statuses(again)).toEqual(["SENDING"]);
  });

  test("a draft that the history has already is not shown twice", () => {
    const stored = wireMessage(1, { senderId: "alice", clientMessageId: "hi", content: "hi" });
    const state = stateAfter(opened, page([stored]), composed("hi"));
    expect(contents(state)).toEqual(["hi"]);
    expect(statuses(state)).toEqual(["SENT"]);
  });
});

describe("messages that arrive", () => {
  test("are ordered by seq and shown once, however often they come", () => {
    const state = stateAfter(opened, page([]), arrived(2), arrived(1), arrived(2), arrived(3));
    expect(contents(state)).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("without a client's id are known by their own", () => {
    const bare = { clientMessageId: null };
    const state = stateAfter(opened, page([]), arrived(1, bare), arrived(1, bare));
    expect(contents(state)).toEqual(["message 1"]);
  });

  test("sent again after a crash take their new place", () => {
    const state = stateAfter(
      ...[opened, page([]), arrived(1), arrived(2)],
      arrived(1, { id: "id-new", clientMessageId: "client-new", content: "first again" }),
      arrived(2, { id: "id-1b", clientMessageId: "client-1" }),
    );
    expect(contents(state)).toEqual(["first again", "message 2"]);
  });

  test("a jump in seq of a loaded conversation is a gap until it is filled", () => {
    const jumped = [opened, page([wireMessage(1)]), arrived(4)];
    expect(hasGap(conversation(stateAfter(...jumped)))).toBe(true);
    const filled = stateAfter(...jumped, page([wireMessage(2), wireMessage(3)], { afterSeq: 1 }));
    expect(hasGap(conversation(filled))).toBe(false);
    expect(contents(filled)).toEqual(["message 1", "message 2", "message 3", "message 4"]);
  });

  test("a conversation that was never opened keeps its newest run only", () => {
    const state = stateAfter(listed({ lastMessage: wireMessage(3) }), arrived(7), arrived(8));
    expect(contents(state)).toEqual(["message 7", "message 8"]);
    expect(hasGap(conversation(state))).toBe(false);
  });

  test("end their sender's typing", () => {
    const typing = { conversationId: DM, userId: "bob", isTyping: true };
    const state = stateAfter(opened, { kind: "typing-changed", typing }, arrived(1));
    expect(conversation(state).typing).toEqual([]);
  });

  test("tell the name of their sender", () => {
    const state = stateAfter(arrived(1, { senderName: "Bob the Builder" }));
    expect(state.people.bob?.name).toBe("Bob the Builder");
  });
});

describe("a page of the history", () => {
  test("takes back what was shown and then lost in a crash", () => {
    const state = stateAfter(
      ...[opened, page([wireMessage(1)]), arrived(2, { clientMessageId: "lost", content: "lost" })],
      page([wireMessage(2), wireMessage(3)], { afterSeq: 1 }),
    );
    expect(contents(state)).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("leaves alone what is newer than the page, and what is still being sent", () => {
    const state = stateAfter(
      ...[opened, page([wireMessage(1)]), composed("mine"), arrived(3)],
      page([wireMessage(2)], { afterSeq: 1 }),
    );
    expect(contents(state)).toEqual(["message 1", "message 2", "message 3", "mine"]);
  });

  test("of older messages goes in front", () => {
    const state = stateAfter(
      ...[opened, page([wireMessage(3)])],
      page([wireMessage(1), wireMessage(2)], "older"),
    );
    expect(contents(state)).toEqual(["message 1", "message 2", "message 3"]);
    expect(conversation(state).isLoadingOlder).toBe(false);
  });

  test("that is empty ends the search for older ones", () => {
    const newest = [opened, page([wireMessage(3)])];
    expect(hasOlder(conversation(stateAfter(...newest)))).toBe(true);
    expect(hasOlder(conversation(stateAfter(...newest, page([], "older"))))).toBe(false);
  });

  test("brings the status of one's own messages", () => {
    const own = wireMessage(1, { senderId: "alice", status: "READ" });
    expect(statuses(stateAfter(opened, page([own])))).toEqual(["READ"]);
  });
});

describe("unread", () => {
  test("counts others' messages above the read mark, also those not at hand", () => {
    const state = stateAfter(
      listed({ readSeq: 2, unread: 3, lastMessage: wireMessage(5) }),
      arrived(6),
      arrived(7, { senderId: "alice" }),
    );
    expect(unreadCount(conversation(state), "alice")).toBe(4);
  });

  test("is what the list counted, of what is not at hand: events are not in it", () => {
    const state = stateAfter(
      listed({ kind: "group", readSeq: 2, unread: 1, lastMessage: wireMessage(9) }),
      arrived(10),
    );
    expect(unreadCount(conversation(state), "alice")).toBe(2);
    const older = stateAfter(
      listed({ kind: "group", readSeq: 2, unread: 2, lastMessage: wireMessage(9) }),
      page([wireMessage(8), wireMessage(9)], "older"),
    );
    expect(unreadCount(conversation(older), "alice")).toBe(2);
    const read = { kind: "read-reported", conversationId: DM, seq: 9 } as const;
    expect(unreadCount(conversation([read].reduce(reduce, older)), "alice")).toBe(0);
  });

  test("is reported up to the last message of somebody else, once", () => {
    const state = stateAfter(opened, page([wireMessage(1), wireMessage(2)]), composed("mine"));
    expect(messageToReport(conversation(state), "alice")?.id).toBe("id-2");
    const reported = stateAfter(opened, page([wireMessage(1), wireMessage(2)]), {
      ...{ kind: "read-reported", conversationId: DM, seq: 2 },
    });
    expect(messageToReport(conversation(reported), "alice")).toBeNull();
    expect(unreadCount(conversation(reported), "alice")).toBe(0);
  });

  test("is marked where it began when the conversation is opened", () => {
    const state = stateAfter(listed({ readSeq: 2, lastMessage: wireMessage(3) }), opened);
    expect(conversation(state).newFromSeq).toBe(3);
  });
});

describe("people", () => {
  test("who are not in the list of those online have gone", () => {
    const state = stateAfter(
      { kind: "presence-changed", user: presence("bob", "ONLINE"), atMs: 10 },
      {
        ...{ kind: "presence-listed", users: [presence("carol", "ONLINE")] },
        ...{ askedAtMs: 20, isEverybodyOnline: true },
      },
    );
    expect(state.people.bob).toMatchObject({ status: "OFFLINE", lastSeenMs: 20 });
    expect(strangersOnline(state).map(({ userId }) => userId)).toEqual(["carol"]);
  });

  test("an answer to an older question does not override what was heard since", () => {
    const state = stateAfter(
      { kind: "presence-changed", user: presence("bob", "ONLINE"), atMs: 30 },
      { kind: "presence-listed", users: [], askedAtMs: 20, isEverybodyOnline: true },
    );
    expect(state.people.bob?.status).toBe("ONLINE");
  });

  test("stop typing when the connection is lost", () => {
    const typing = { conversationId: DM, userId: "bob", isTyping: true };
    const events = [opened, { kind: "typing-changed", typing }] as const;
    expect(conversation(stateAfter(...events)).typing).toEqual(["bob"]);
    const lost = stateAfter(...events, { kind: "link-changed", link: "offline" });
    expect(conversation(lost).typing).toEqual([]);
  });
});

describe("the list of conversations", () => {
  test("has the newest message first, and one just opened above all", () => {
    const other = "dm:alice:carol";
    const state = stateAfter(
      listed({ lastMessage: wireMessage(1) }),
      listed({
        ...{ id: other, memberIds: ["alice", "carol"] },
        lastMessage: wireMessage(5, { conversationId: other, senderId: "carol" }),
      }),
      { kind: "conversation-opened", conversationId: "dm:alice:dave" },
    );
    expect(conversationsByTime(state).map(({ id }) => id)).toEqual(["dm:alice:dave", other, DM]);
  });

  test("does not open what is neither known nor a direct conversation of the user", () => {
    const state = stateAfter({ kind: "conversation-opened", conversationId: "dm:bob:carol" });
    expect(state.openId).toBeNull();
  });
});

test("the same notice is shown once", () => {
  const notice = { id: 1, text: "busy" };
  const state = stateAfter(
    { kind: "notice-shown", notice },
    { kind: "notice-shown", notice: { ...notice, id: 2 } },
  );
  expect(state.notices).toEqual([notice]);
});

describe("what happens in a group", () => {
  const happened = (seq: number, event: Partial<ChatEvent> & { readonly type: string }) =>
    arrived(seq, {
      ...{ senderId: "carol", recipientId: null },
      event: happening(event),
    });

  test("names it and counts its members", () => {
    const state = stateAfter(
      listed({ kind: "group", memberIds: ["alice", "bob"], memberCount: 2 }),
      happened(1, { type: "CONVERSATION_CHANGED", title: "The team" }),
      happened(2, { type: "MEMBER_ADDED", userId: "dave" }),
      happened(3, { type: "MEMBER_JOINED", userId: "erin" }),
      happened(4, { type: "MEMBER_LEFT", userId: "bob" }),
    );
    const { title, memberIds, memberCount } = conversation(state);
    expect({ title, memberIds, memberCount }).toEqual({
      ...{ title: "The team", memberIds: ["alice", "dave", "erin"], memberCount: 3 },
    });
  });

  test("is not undone by a list that was made before it", () => {
    const created = { type: "CONVERSATION_CREATED", title: "One", memberCount: 2 };
    const later = [
      happened(1, created),
      happened(2, { type: "CONVERSATION_CHANGED", title: "Two" }),
      happened(3, { type: "MEMBER_ADDED", userId: "dave" }),
    ];
    const event = happening(created);
    const lastMessage = wireMessage(1, { senderId: "carol", recipientId: null, event });
    const group = { kind: "group", memberIds: ["alice", "bob"], memberCount: 2 } as const;
    const state = stateAfter(...later, listed({ ...group, title: "One", lastMessage }));
    const { title, memberIds, memberCount } = conversation(state);
    expect({ title, memberIds, memberCount }).toEqual({
      ...{ title: "Two", memberIds: ["alice", "bob", "dave"], memberCount: 3 },
    });
  });

  test("happens once, also where the list has told of it, or it comes again", () => {
    const added = happened(3, { type: "MEMBER_ADDED", userId: "dave" });
    const event = happening({ type: "MEMBER_ADDED", userId: "carol" });
    const lastMessage = wireMessage(2, { senderId: "bob", recipientId: null, event });
    const memberIds = ["alice", "bob", "carol"];
    const group = { kind: "group", title: null, memberIds, memberCount: 3, lastMessage } as const;
    const state = stateAfter(listed(group), page([lastMessage], { afterSeq: 1 }), added, added);
    const { memberIds: members, memberCount } = conversation(state);
    expect([members, memberCount]).toEqual([["alice", "bob", "carol", "dave"], 4]);
  });

  test("opens a group that was not known, and is not unread", () => {
    const created = { type: "CONVERSATION_CREATED", title: "The team", memberCount: 7 };
    const state = stateAfter(happened(1, created));
    expect(conversation(state)).toMatchObject({ kind: "group", title: "The team", memberCount: 7 });
    expect(unreadCount(conversation(state), "alice")).toBe(0);
  });
});

describe("what happens to a message", () => {
  const happened = (seq: number, type: string, event: Partial<ChatEvent>, senderId = "bob") =>
    arrived(seq, { senderId, event: happening({ type, messageId: "id-1", ...event }) });
  const first = (...events: readonly Event[]) => {
    const [message] = conversation(stateAfter(arrived(1), ...events)).messages;
    return message ?? expect.unreachable("no message");
  };

  test("shows at the message, and not beside it", () => {
    const edited = happened(2, "MESSAGE_EDITED", { content: "better", mentions: ["bob"] });
    expect(first(edited)).toMatchObject({ content: "better", isEdited: true, mentions: ["bob"] });
    const state = stateAfter(arrived(1), edited, happened(3, "MESSAGE_PINNED", {}));
    expect(shownMessages(conversation(state).messages).map(({ seq }) => seq)).toEqual([1, 3]);
    expect(hasGap(conversation(state))).toBe(false);
    expect(unreadCount(conversation(state), "alice")).toBe(1);
  });

  test("counts the last reaction of each", () => {
    const react = (seq: number, senderId: string, emoji: string | null) =>
      happened(seq, "MESSAGE_REACTION", { emoji }, senderId);
    const { reactions } = first(
      ...[react(2, "alice", "👍"), react(3, "bob", "👍"), react(4, "carol", "🎉")],
      ...[react(5, "alice", "🎉"), react(6, "bob", null)],
    );
    expect(reactions).toEqual([{ emoji: "🎉", userIds: ["carol", "alice"] }]);
  });

  test("leaves nothing of what was deleted, whatever comes late", () => {
    const message = first(
      happened(2, "MESSAGE_REACTION", { emoji: "👍" }),
      happened(3, "MESSAGE_DELETED", {}),
      happened(4, "MESSAGE_EDITED", { content: "again", mentions: ["bob"] }),
    );
    expect(message).toMatchObject({ content: "", isDeleted: true, reactions: [], mentions: [] });
  });

  test("leaves nothing of a user who is no more", () => {
    const erased = { userId: "bob", messages: "erased" };
    const message = first(
      happened(2, "MESSAGE_REACTION", { emoji: "👍" }),
      happened(3, "USER_ERASED", erased),
    );
    expect(message).toMatchObject({ content: "", isDeleted: true, reactions: [] });
    const other = first(happened(2, "USER_ERASED", { ...erased, userId: "eve" }));
    expect(other).toMatchObject({ content: "message 1", isDeleted: false });
    const kept = first(happened(2, "USER_ERASED", { ...erased, messages: "kept" }));
    expect(kept).toMatchObject({ content: "message 1", isDeleted: false });
  });

  test("comes with a page of what was missed, to what was at hand before it", () => {
    const event = happening({ type: "MESSAGE_EDITED", messageId: "id-1", content: "better" });
    const missed = page([wireMessage(2, { event })], { afterSeq: 1 });
    expect(first(missed)).toMatchObject({ content: "better" });
    // An older page has events that others have followed.
    const older = page([wireMessage(1), wireMessage(2, { event })], "older");
    expect(first(older)).toMatchObject({ content: "message 1" });
  });
});
