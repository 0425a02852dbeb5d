import { expect, test } from "bun:test";
import { ProfileLoader } from "../../src/web/profile-loader.ts";
import { nameOf, type State } from "../../src/web/state.ts";
import { Store } from "../../src/web/store.ts";
import { pictureOf, titleOf } from "../../src/web/views.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { arrived, DM, page, scheduleOn, settled, stateAfter, wireMessage } from "./support.ts";

const SENT_MS = Date.UTC(2026, 0, 1, 12);

function told(name: string, atMs: number, picture: string | null = null) {
  return { kind: "profiles-told", profiles: [{ userId: "bob", name, picture }], atMs } as const;
}

function names(state: State): string[] {
  const conversation = state.conversations[DM];
  return conversation === undefined ? [] : [titleOf(state, conversation), nameOf(state, "bob")];
}

test("a direct conversation shows the name and the picture of the other one's profile", () => {
  const state = stateAfter(arrived(1), told("Robert", SENT_MS + 10_000, "/bob.png"));
  const conversation = state.conversations[DM];
  expect(names(state)).toEqual(["Robert", "Robert"]);
  expect(conversation && pictureOf(state, conversation)).toBe("/bob.png");
});

test("a name that a message was sent under gives way to a later one, and only to that", () => {
  const renamed = told("Robert", SENT_MS + 10_000);
  const old = page([wireMessage(1, { senderName: "Bobby" }), wireMessage(2)], "older");
  expect(names(stateAfter(arrived(3), renamed, old))).toEqual(["Robert", "Robert"]);
  const later = arrived(20, { senderName: "Bert" });
  expect(names(stateAfter(arrived(3), renamed, later))).toEqual(["Bert", "Bert"]);
  expect(names(stateAfter(arrived(3), renamed, told("late answer", SENT_MS)))[0]).toBe("Robert");
});

test("what the server tells holds, whatever its clock says and in whatever order answers come", () => {
  const ahead = arrived(1, { timestampMs: SENT_MS + 3_600_000 });
  expect(names(stateAfter(ahead, told("Robert", SENT_MS)))).toEqual(["Robert", "Robert"]);
  const users = [{ userId: "bob", name: "Bobby", status: "ONLINE", lastSeenMs: SENT_MS } as const];
  const list = { users, askedAtMs: SENT_MS + 5, isEverybodyOnline: true };
  const state = stateAfter(
    ...[arrived(1), { kind: "presence-listed", ...list } as const],
    told("an older answer", SENT_MS, "/bob.png"),
  );
  expect(state.people.bob).toMatchObject({ name: "Bobby", picture: "/bob.png" });
});

test("who comes and goes keeps name and picture", () => {
  const user = { userId: "bob", name: null, status: "AWAY", lastSeenMs: SENT_MS } as const;
  const atMs = SENT_MS + 20_000;
  const state = stateAfter(...[arrived(1), told("Robert", SENT_MS + 10_000, "/bob.png")], {
    kind: "presence-changed",
    user,
    atMs,
  });
  expect(state.people.bob).toMatchObject({ name: "Robert", picture: "/bob.png", status: "AWAY" });
});

test("profiles are asked for once and together, and anew after an absence", async () => {
  const clock = new FakeClock();
  const store = new Store("alice");
  const asked: (readonly string[])[] = [];
  const loader = new ProfileLoader({
    ...{ userId: "alice", schedule: scheduleOn(clock), now: () => clock.now() },
    api: {
      profiles: async (userIds) => {
        asked.push(userIds);
        return userIds.map((userId) => ({ userId, name: `The ${userId}`, picture: null }));
      },
      changeUser: async (userId, { name = null }) => ({ userId, name: name ?? "", picture: null }),
    },
    attempt: async (call) => ({ isDone: true, answer: await call() }),
    dispatch: store.dispatch,
    onFault: (fault) => {
      throw fault;
    },
  });
  loader.ask(["bob", "a,b"]);
  loader.ask(["bob", "carol"]);
  clock.advance(1_000);
  await settled();
  loader.ask(["carol"]);
  clock.advance(1_000);
  expect(asked).toEqual([["bob", "carol"]]);
  expect(nameOf(store.state(), "bob")).toBe("The bob");
  loader.renew();
  loader.ask(["carol", "dave"]);
  clock.advance(1_000);
  expect(asked).toEqual([
    ["bob", "carol"],
    ["bob", "carol", "dave"],
  ]);
  await loader.change({ name: "Alice Liddell" });
  expect(nameOf(store.state(), "alice")).toBe("Alice Liddell");
});
