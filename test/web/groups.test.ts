import { describe, expect, test } from "bun:test";
import { type Conversation, hasOlder, isMuted, isReachable } from "../../src/web/conversation.ts";
import { codeInHash, inviteAddress } from "../../src/web/invite-address.ts";
import {
  mayDelete,
  mayEdit,
  mayGiveRoles,
  mayManage,
  mayPin,
  mayRemove,
} from "../../src/web/permissions.ts";
import type { Event, State } from "../../src/web/state.ts";
import { conversationsByTime, titleOf, totalUnread } from "../../src/web/views.ts";
import {
  type ChatEvent,
  type Preferences,
  type Role,
  readPreferencesChange,
} from "../../src/web/wire.ts";
import {
  arrived,
  contents,
  DM,
  happening,
  listed,
  opened,
  page,
  stateAfter,
  wireMessage,
} from "./support.ts";

const group = { kind: "group", memberIds: ["alice", "bob"], memberCount: 2 } as const;

function conversation(...events: readonly Event[]): Conversation {
  const found = stateAfter(...events).conversations[DM];
  return found ?? expect.unreachable(`${DM} is not in the state`);
}

function happened(seq: number, event: Partial<ChatEvent> & { readonly type: string }, by = "bob") {
  return arrived(seq, { senderId: by, recipientId: null, event: happening(event) });
}

function preferred(change: Partial<Preferences>): Event {
  return { kind: "preferences-changed", change: { conversationId: DM, change } };
}

describe("what the user is in a group", () => {
  test("follows the roles that are given and taken", () => {
    const made = (userId: string, role: Role, by: string) =>
      happened(userId === "alice" ? 1 : 2, { type: "ROLE_CHANGED", userId, role }, by);
    expect(conversation(listed(group), made("alice", "admin", "bob")).role).toBe("admin");
    expect(conversation(listed(group), made("bob", "admin", "carol")).role).toBe("member");
    // Who gives a group away is an admin then.
    const owned = listed({ ...group, role: "owner" });
    expect(conversation(owned, made("bob", "owner", "alice")).role).toBe("admin");
    expect(conversation(owned, made("bob", "admin", "alice")).role).toBe("owner");
  });

  test("is nothing any more after they were removed or have left: there is nothing to ask for", () => {
    const removed = happened(3, { type: "MEMBER_REMOVED", userId: "alice" });
    const left = { kind: "conversation-left", conversationId: DM } as const;
    for (const end of [removed, left]) {
      const state = [listed({ ...group, role: "owner" }), page([wireMessage(2)]), end];
      const found = conversation(...state);
      expect(found).toMatchObject({ isMember: false, role: "member", memberIds: ["bob"] });
      expect([isReachable(found), hasOlder(found)]).toEqual([false, false]);
      expect(contents(stateAfter(...state))[0]).toBe("message 2");
    }
  });

  test("begins anew with their return: what was said meanwhile, or before, is not theirs", () => {
    const found = conversation(
      ...[listed(group), opened, page([wireMessage(1), wireMessage(2)])],
      happened(3, { type: "MEMBER_LEFT", userId: "alice" }, "alice"),
      happened(9, { type: "MEMBER_ADDED", userId: "alice" }),
    );
    expect(found).toMatchObject({ isMember: true, memberCount: 2 });
    expect(found.messages.map(({ seq }) => seq)).toEqual([9]);
  });

  test("shows in what is offered", () => {
    const as = (role: Role) => conversation(listed({ ...group, role }));
    const memberOf = (role: Role) => ({ userId: "bob", role });
    expect([mayManage(as("owner")), mayManage(as("admin")), mayManage(as("member"))]).toEqual([
      ...[true, true, false],
    ]);
    expect([mayGiveRoles(as("owner")), mayGiveRoles(as("admin"))]).toEqual([true, false]);
    expect(mayRemove(as("admin"), memberOf("member"))).toBe(true);
    expect(mayRemove(as("admin"), memberOf("admin"))).toBe(false);
    expect(mayRemove(as("owner"), memberOf("admin"))).toBe(true);
    expect([mayPin(as("member")), mayPin(as("admin"))]).toEqual([false, true]);
    expect(mayPin(conversation(listed()))).toBe(true);
  });

  test("shows in what is offered for a message", () => {
    const [theirs, mine, gone] = conversation(
      ...[arrived(1), arrived(2, { senderId: "alice" })],
      arrived(3, { senderId: "alice", isDeleted: true }),
    ).messages;
    if (!theirs || !mine || !gone) expect.unreachable("no messages");
    const direct = conversation(listed());
    const admin = conversation(listed({ ...group, role: "admin" }));
    const may = (found: Conversation) =>
      [theirs, mine, gone].map((each) => [
        mayEdit(found, each, "alice"),
        mayDelete(found, each, "alice"),
      ]);
    expect(may(direct)).toEqual([
      [false, false],
      [true, true],
      [false, false],
    ]);
    expect(may(admin)).toEqual([
      [false, true],
      [true, true],
      [false, false],
    ]);
    expect(may({ ...admin, isMember: false }).flat()).not.toContain(true);
  });
});

describe("a group", () => {
  test("shows its new title and picture", () => {
    const picture = "https://example.com/p.png";
    const changed = happened(2, { type: "CONVERSATION_CHANGED", title: "Crew", picture });
    expect(conversation(listed(group), changed)).toMatchObject({ title: "Crew", picture });
  });

  test("of which only the user is left has a name too", () => {
    const state = stateAfter(listed({ ...group, memberIds: ["alice"] }));
    expect(titleOf(state, conversation(listed({ ...group, memberIds: ["alice"] })))).toBe("Group");
    expect(Object.keys(state.conversations)).toEqual([DM]);
  });

  test("tells when something has happened to its members", () => {
    const seq = (event: Event) => conversation(listed(group), event).membersSeq;
    expect(seq(happened(4, { type: "MEMBER_ADDED", userId: "carol" }))).toBe(4);
    expect(seq(happened(4, { type: "ROLE_CHANGED", userId: "bob", role: "admin" }))).toBe(4);
    expect(seq(happened(4, { type: "CONVERSATION_CHANGED", title: "Crew" }))).toBe(0);
  });
});

describe("the list", () => {
  const other = "group-2";
  const two = [
    listed({ lastMessage: wireMessage(1) }),
    listed({ ...group, id: other, lastMessage: wireMessage(5, { conversationId: other }) }),
  ];
  const order = (state: State, isArchived = false) =>
    conversationsByTime(state, isArchived).map(({ id }) => id);

  test("has the pinned ones first, and the archived ones apart", () => {
    expect(order(stateAfter(...two))).toEqual([other, DM]);
    expect(order(stateAfter(...two, preferred({ pinnedMs: 7 })))).toEqual([DM, other]);
    const archived = stateAfter(...two, preferred({ isArchived: true }));
    expect([order(archived), order(archived, true)]).toEqual([[other], [DM]]);
    const again = stateAfter(...two, preferred({ isArchived: true }), listed());
    expect(order(again, true)).toEqual([]);
  });

  test("has a group that nothing was said in yet", () => {
    const state = stateAfter(listed(group), ...two.slice(1));
    expect(order(state)).toEqual([other, DM]);
  });

  test("says nothing in the title of what is muted or archived", () => {
    const unread = [listed(), arrived(1), arrived(2)];
    const now = 1_000;
    expect(totalUnread(stateAfter(...unread), now)).toBe(2);
    expect(totalUnread(stateAfter(...unread, preferred({ mutedUntilMs: 1_001 })), now)).toBe(0);
    expect(totalUnread(stateAfter(...unread, preferred({ mutedUntilMs: 1_000 })), now)).toBe(2);
    expect(totalUnread(stateAfter(...unread, preferred({ isArchived: true })), now)).toBe(0);
  });

  test("goes on where the server says so", () => {
    const read = { kind: "list-read", isArchived: true, hasMore: true } as const;
    expect(stateAfter(read).hasMore).toEqual({ active: false, archived: true });
  });
});

test("preferences are told with what has changed alone", () => {
  const told = { conversationId: DM, status: "PREFERENCES" };
  expect(readPreferencesChange({ ...told, pinnedAt: null })).toEqual({
    ...{ conversationId: DM, change: { pinnedMs: null } },
  });
  const at = "2026-01-01T00:00:00.000Z";
  expect(readPreferencesChange({ ...told, mutedUntil: at, archivedAt: at })?.change).toEqual({
    ...{ mutedUntilMs: Date.parse(at), isArchived: true },
  });
  expect(readPreferencesChange({ ...told, status: "SENT" })).toBeNull();
  const muted = conversation(listed(), preferred({ mutedUntilMs: 10 }), preferred({ pinnedMs: 3 }));
  expect([isMuted(muted, 9), isMuted(muted, 10), muted.pinnedMs]).toEqual([true, false, 3]);
});

test("a link into a group is the page's address with the code, and no conversation's", () => {
  const address = inviteAddress("https://chat.example/?user=alice#dm%3Aa%3Ab", "Ab_-9");
  expect(address).toBe("https://chat.example/#join=Ab_-9");
  expect(codeInHash(new URL(address).hash)).toBe("Ab_-9");
  for (const hash of [
    "",
    "#dm%3Aa%3Ab",
    "#join%3Dx",
    "#join=",
    "#join=a/b",
    `#join=${"x".repeat(65)}`,
  ]) {
    expect(codeInHash(hash)).toBeNull();
  }
});
