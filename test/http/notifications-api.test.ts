import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { newUuid } from "../../src/ids.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { NOTICE_CHANNELS } from "../../src/notify/provider.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { addDeadEvents, addDeadNotice, DIED_MS, letterIds } from "../support/dead-letters.ts";
import {
  type NotificationsServer,
  startNotifications,
  WEB_PUSH_KEY,
} from "../support/notifications-server.ts";
import { pushKeys } from "../support/push-subscription.ts";
import { answerOf } from "../support/server-api.ts";
import { API_KEY } from "../support/tokens.ts";

const PATH = "/api/notifications";

let storage: Storage;
let server: NotificationsServer;

beforeEach(() => {
  storage = memoryStorage();
  server = startNotifications(storage.notices);
});

afterEach(async () => {
  await server.stop();
  await storage.close();
});

type Caller = Readonly<Record<string, string>>;

const ALICE: Caller = { "X-User-Id": "alice" };
const BOB: Caller = { "X-User-Id": "bob" };
const BACK_END: Caller = { "X-Api-Key": API_KEY };
const FOR_ALICE: Caller = { ...BACK_END, ...ALICE };

async function ask(caller: Caller, method: string, path: string, body?: unknown) {
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  return answerOf(await fetch(server.url + PATH + path, { method, headers: caller, ...json }));
}

const refused = (status: number, code: string, detail: unknown = expect.any(String)) => ({
  ...{ status, body: expect.objectContaining({ code, detail }) },
});

describe("preferences", () => {
  const answer = (preferences: object) => ({
    status: 200,
    body: { channels: NOTICE_CHANNELS, webPushKey: WEB_PUSH_KEY, preferences },
  });

  test("come with what the server has", async () => {
    expect(await ask(ALICE, "GET", "")).toEqual(answer(DEFAULT_PREFERENCES));
  });

  test("are changed by the user, or by the back end for them; what is not named stays", async () => {
    const quietHours = { from: "22:00", to: "07:00", timeZone: "Europe/Vienna" };
    const changed = { ...DEFAULT_PREFERENCES, push: false, quietHours };
    expect(await ask(ALICE, "PATCH", "", { push: false, quietHours })).toEqual(answer(changed));
    const again = { ...changed, groups: "none", previews: false };
    expect(await ask(FOR_ALICE, "PATCH", "", { groups: "none", previews: false })).toEqual(
      answer(again),
    );
    expect(await ask(ALICE, "PATCH", "", {})).toEqual(answer(again));
    expect(await ask(ALICE, "PATCH", "", { quietHours: null })).toEqual(
      answer({ ...again, quietHours: null }),
    );
    expect(await ask(BOB, "GET", "")).toEqual(answer(DEFAULT_PREFERENCES));
    expect(server.changes).toEqual(["alice", "alice", "alice", "alice"]);
  });

  const hours = { from: "22:00", to: "07:00", timeZone: "UTC" };
  test.each([
    [{ push: "yes" }, "push: "],
    [{ email: null }, "email: "],
    [{ groups: "some" }, "groups: "],
    [{ quietHours: {} }, "quietHours.from: "],
    [{ quietHours: { ...hours, from: "24:00" } }, "quietHours.from: must be a time such as 22:00"],
    [{ quietHours: { ...hours, from: "7:00" } }, "quietHours.from: must be a time such as 22:00"],
    [{ quietHours: { ...hours, to: "07:60" } }, "quietHours.to: must be a time such as 22:00"],
    [{ quietHours: { ...hours, to: "07:00:00" } }, "quietHours.to: must be a time such as 22:00"],
    [{ quietHours: { ...hours, to: "22:00" } }, "quietHours: must not end when they begin"],
    [
      { quietHours: { ...hours, timeZone: "Mars/Olympus_Mons" } },
      "quietHours.timeZone: is no time zone that the server knows",
    ],
  ])("%j is refused", async (body, detail) => {
    const said = expect.stringContaining(detail);
    expect(await ask(ALICE, "PATCH", "", body)).toEqual(refused(422, "VALIDATION_FAILED", said));
    expect(await ask(ALICE, "GET", "")).toEqual(answer(DEFAULT_PREFERENCES));
  });

  test("are somebody's", async () => {
    expect(await ask({}, "GET", "")).toEqual(refused(401, "AUTHENTICATION_REQUIRED"));
    for (const method of ["GET", "PATCH"]) {
      const body = method === "GET" ? undefined : {};
      expect(await ask(BACK_END, method, "", body)).toEqual(refused(422, "VALIDATION_FAILED"));
    }
  });
});

describe("targets", () => {
  const TARGETS = "/targets";
  const subscription = () => ({
    ...{ channel: "webpush", address: "https://push.example/1", keys: pushKeys() },
  });

  test("are made once, and listed without their keys", async () => {
    const wish = subscription();
    const made = await ask(ALICE, "POST", TARGETS, wish);
    expect(made).toEqual({
      status: 201,
      body: {
        ...{ id: expect.any(String), channel: "webpush", address: "https://push.example/1" },
        createdAt: new Date(server.clock.now()).toISOString(),
      },
    });
    server.clock.advance(1_000);
    expect(await ask(ALICE, "POST", TARGETS, wish)).toEqual({ status: 200, body: made.body });
    const phone = await ask(ALICE, "POST", TARGETS, { channel: "fcm", address: "t", keys: null });
    expect(await ask(ALICE, "GET", TARGETS)).toEqual({
      ...{ status: 200, body: { targets: [made.body, phone.body] } },
    });
    expect(await ask(BOB, "GET", TARGETS)).toEqual({ status: 200, body: { targets: [] } });
    expect(server.changes).toEqual(["alice", "alice", "alice"]);
  });

  test("are removed, whether they are there or not, and never another user's", async () => {
    const { body } = await ask(ALICE, "POST", TARGETS, subscription());
    const path = `${TARGETS}/${body.id}`;
    expect(await ask(BOB, "DELETE", path)).toEqual({ status: 204, body: null });
    expect((await ask(ALICE, "GET", TARGETS)).body).toEqual({ targets: [body] });
    for (const _ of ["once", "again"]) {
      expect(await ask(ALICE, "DELETE", path)).toEqual({ status: 204, body: null });
      expect((await ask(ALICE, "GET", TARGETS)).body).toEqual({ targets: [] });
    }
    expect(await ask(ALICE, "DELETE", `${TARGETS}/1`)).toEqual(refused(422, "VALIDATION_FAILED"));
  });

  test("by e-mail are made by the back end, for a user", async () => {
    const mail = { channel: "email", address: "alice@example.org" };
    expect(await ask(ALICE, "POST", TARGETS, mail)).toEqual(refused(403, "NOT_PERMITTED"));
    expect(await ask(BACK_END, "POST", TARGETS, mail)).toEqual(refused(422, "VALIDATION_FAILED"));
    const { status, body } = await ask(FOR_ALICE, "POST", TARGETS, mail);
    expect([status, body.address]).toEqual([201, "alice@example.org"]);
    expect((await ask(ALICE, "DELETE", `${TARGETS}/${body.id}`)).status).toBe(204);
  });

  test.each([
    [{ channel: "fax", address: "1" }, "channel: "],
    [{ channel: "fcm" }, "address: "],
    [{ channel: "fcm", address: "" }, "address: "],
    [{ channel: "fcm", address: "x".repeat(2_049) }, "address: "],
    [{ channel: "apns", address: "xyz" }, "address: is not a device token"],
    [{ channel: "webpush", address: "https://push.example" }, "keys: are needed"],
    [{ ...subscription(), address: "http://push.example" }, "address: is not of https"],
    [{ ...subscription(), address: "https://[::1]:8080/" }, "address: leads to an address that"],
    [{ ...subscription(), keys: { p256dh: "x" } }, "keys.auth: "],
    [{ ...subscription(), keys: { p256dh: "x", auth: "y" } }, "keys.p256dh: is not a point"],
  ])("%j is refused", async (body, detail) => {
    const said = expect.stringContaining(detail);
    expect(await ask(ALICE, "POST", TARGETS, body)).toEqual(
      refused(422, "VALIDATION_FAILED", said),
    );
  });

  test("are not more than 20", async () => {
    for (let count = 0; count < 20; count += 1) {
      await ask(ALICE, "POST", TARGETS, { channel: "fcm", address: `token-${count}` });
    }
    expect(await ask(ALICE, "POST", TARGETS, subscription())).toEqual(
      refused(409, "TOO_MANY_TARGETS"),
    );
  });
});

describe("dead letters", () => {
  const LETTERS = "/dead-letters";
  const ids = async (query: string) => {
    const { body } = await ask(BACK_END, "GET", LETTERS + query);
    return [body.deadLetters.map(({ id }: { id: string }) => id), body.next];
  };

  test("are the back end's, and say what could not be sent", async () => {
    const { diedMs, ...notice } = await addDeadNotice(storage);
    await addDeadEvents(storage, 1);
    const diedAt = new Date(DIED_MS).toISOString();
    expect(diedMs).toBe(DIED_MS);
    expect(await ask(BACK_END, "GET", LETTERS)).toEqual({
      status: 200,
      body: {
        deadLetters: [
          { ...notice, diedAt },
          {
            ...{ id: expect.any(String), channel: "webhook", userId: null, targetId: null },
            ...{ conversationId: null, seq: null, eventId: expect.any(String), attempts: 9 },
            ...{ eventType: "user.online", reason: "status 500", diedAt },
          },
        ],
        next: null,
      },
    });
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["POST", "/replay", { all: true }],
      ["DELETE", "", { all: true }],
    ] as const) {
      expect(await ask(ALICE, method, LETTERS + path, body)).toEqual(
        refused(401, "AUTHENTICATION_REQUIRED"),
      );
    }
    expect(await letterIds(storage)).toHaveLength(2);
  });

  test("come in pages, to the end", async () => {
    const [first = "", second = "", third = ""] = await addDeadEvents(storage, 3);
    expect(await ids("?limit=2")).toEqual([[first, second], second]);
    expect(await ids(`?limit=2&after=${second}`)).toEqual([[third], null]);
    expect(await ids(`?limit=2&after=${third}`)).toEqual([[], null]);
    expect(await ids("?limit=3")).toEqual([[first, second, third], null]);
    for (const query of ["?limit=0", "?limit=201", "?after=1"]) {
      expect(await ask(BACK_END, "GET", LETTERS + query)).toEqual(
        refused(422, "VALIDATION_FAILED"),
      );
    }
  });

  test("are replayed by their ids, or all", async () => {
    const [first = "", second = "", third = ""] = await addDeadEvents(storage, 3);
    const replay = (body: object) => ask(BACK_END, "POST", `${LETTERS}/replay`, body);
    const named = { ids: [first, second, newUuid()] };
    expect(await replay(named)).toEqual({ status: 200, body: { replayed: 2 } });
    expect(await replay({ ids: [] })).toEqual({ status: 200, body: { replayed: 0 } });
    expect(await ids("")).toEqual([[third], null]);
    expect(await replay({ all: true })).toEqual({ status: 200, body: { replayed: 1 } });
    expect(await ids("")).toEqual([[], null]);
  });

  test("are given up by their ids, or all", async () => {
    const [first = "", ...others] = await addDeadEvents(storage, 3);
    const give = (body: object) => ask(BACK_END, "DELETE", LETTERS, body);
    expect(await give({ ids: [first] })).toEqual({ status: 204, body: null });
    expect(await ids("")).toEqual([others, null]);
    expect(await give({ all: true })).toEqual({ status: 204, body: null });
    expect(await ids("")).toEqual([[], null]);
  });

  test.each([
    [{}, "body: must have ids or all"],
    [{ ids: [newUuid()], all: true }, "body: must have ids or all"],
    [{ all: false }, "all: "],
    [{ ids: ["1"] }, "ids.0: "],
    [{ ids: Array.from({ length: 1_001 }, newUuid) }, "ids: "],
  ])("are not replayed by %j", async (body, detail) => {
    const said = expect.stringContaining(detail);
    for (const [method, path] of [
      ["POST", "/replay"],
      ["DELETE", ""],
    ] as const) {
      expect(await ask(BACK_END, method, LETTERS + path, body)).toEqual(
        refused(422, "VALIDATION_FAILED", said),
      );
    }
  });
});

describe("where nothing is set up", () => {
  beforeEach(async () => {
    await server.stop();
    server = startNotifications(null);
  });

  test("there are no channels, and nothing can be wished", async () => {
    const preferences = DEFAULT_PREFERENCES;
    expect(await ask(ALICE, "GET", "")).toEqual({
      ...{ status: 200, body: { channels: [], webPushKey: null, preferences } },
    });
    expect(await ask(ALICE, "PATCH", "", {})).toEqual(refused(404, "CHANNEL_NOT_AVAILABLE"));
    const phone = { channel: "fcm", address: "token" };
    expect(await ask(ALICE, "POST", "/targets", phone)).toEqual(
      refused(404, "CHANNEL_NOT_AVAILABLE"),
    );
    expect(await ask(ALICE, "GET", "/targets")).toEqual({ status: 200, body: { targets: [] } });
    expect((await ask(ALICE, "DELETE", `/targets/${newUuid()}`)).status).toBe(204);
  });

  test("there are no dead letters", async () => {
    expect(await ask(BACK_END, "GET", "/dead-letters")).toEqual({
      ...{ status: 200, body: { deadLetters: [], next: null } },
    });
    expect(await ask(BACK_END, "POST", "/dead-letters/replay", { all: true })).toEqual({
      ...{ status: 200, body: { replayed: 0 } },
    });
    expect((await ask(BACK_END, "DELETE", "/dead-letters", { all: true })).status).toBe(204);
  });
});
