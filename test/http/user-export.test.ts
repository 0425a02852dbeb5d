import { afterEach, beforeEach, expect, test } from "bun:test";
import { Hono } from "hono";
import { AddressList } from "../../src/address-list.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { ApiEnvironment } from "../../src/http/api.ts";
import { LargeAnswers } from "../../src/http/large-answers.ts";
import { UserExports } from "../../src/http/user-export.ts";
import { silentLog } from "../../src/log.ts";
import { DEFAULT_PREFERENCES } from "../../src/notify/preferences.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { target } from "../support/noticed.ts";
import { refusalOf } from "../support/refusal.ts";
import { LOCAL } from "../support/remote.ts";
import { attachment, batch, conversation, EPOCH_MS, message, messages } from "../support/stored.ts";

/** More than a page of each. */
const MANY = 450;

let storage: Storage;
let server: ReturnType<typeof Bun.serve>;
/** What is done beside the answer to a request. */
let beside: (exports: UserExports, context: Parameters<UserExports["answer"]>[0]) => void;

beforeEach(async () => {
  storage = memoryStorage();
  const others = Array.from({ length: MANY }, (_, index) => conversation(`with-${index}`));
  await storage.chat.commit(
    batch({ conversations: [conversation(), ...others], messages: messages(MANY) }),
  );
  const keys = new LimitKeys(AddressList.parse([]));
  const answers = new LargeAnswers({ keys, limitBytes: 1_000_000, callerHeaders: [] });
  const { users, invites, attachments, erasures, chat: chats } = storage;
  const blocks = { of: () => [] };
  const exports = new UserExports({
    ...{ users, invites, attachments, chats, erasures, blocks, answers },
    notices: storage.notices,
    log: silentLog,
  });
  beside = () => {};
  const api = new Hono<ApiEnvironment>();
  api.get("/:userId", (context) => {
    const answer = exports.answer(context, context.req.param("userId"));
    beside(exports, context);
    return answer;
  });
  server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch: (request) => api.fetch(request, { remote: LOCAL }),
  });
});

afterEach(async () => {
  await server.stop(true);
  await storage.close();
});

async function linesOf(userId: string): Promise<Record<string, unknown>[]> {
  const text = await (await fetch(new URL(`/${userId}`, server.url))).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("an export has every row of every page, once", async () => {
  const lines = await linesOf("alice");
  const of = (kind: string) => lines.filter((line) => line.kind === kind);
  const distinct = (kind: string, name: string) => new Set(of(kind).map((line) => line[name])).size;
  expect([of("message").length, distinct("message", "seq")]).toEqual([MANY, MANY]);
  const count = MANY + 1;
  expect([of("membership").length, distinct("membership", "conversationId")]).toEqual([
    ...[count, count],
  ]);
  expect(lines.at(-1)).toEqual({ kind: "end", lines: lines.length - 1 });
  expect(await linesOf("nobody")).toEqual([{ kind: "end", lines: 0 }]);
});

test("an export has the files that were not sent, with what is known of them, and no others", async () => {
  for (let index = 0; index < MANY; index += 1) {
    await storage.attachments.put(attachment(`free-${index}`));
  }
  for (const id of ["sent", "gone"]) await storage.attachments.put(attachment(id));
  await storage.attachments.put(attachment("bobs", { uploaderId: "bob", width: 4, height: 3 }));
  await storage.attachments.discard(["gone"]);
  const sent = message(MANY + 1, { attachments: JSON.stringify([{ id: "sent" }]) });
  await storage.chat.commit(batch({ messages: [sent] }));
  const filesOf = async (userId: string) =>
    (await linesOf(userId)).filter(({ kind }) => kind === "attachment");
  const ids = (await filesOf("alice")).map(({ id }) => id);
  expect(ids.toSorted()).toEqual(Array.from({ length: MANY }, (_, i) => `free-${i}`).toSorted());
  expect(await filesOf("bob")).toEqual([
    {
      ...{ kind: "attachment", id: "bobs", name: "bobs.png", type: "image/png", size: 3 },
      ...{ width: 4, height: 3, hasThumbnail: false },
      uploadedAt: new Date(EPOCH_MS).toISOString(),
      removedAt: new Date(EPOCH_MS + 86_400_000).toISOString(),
    },
  ]);
});

test("an export has what the user wishes to be told, and where, without keys", async () => {
  const preferences = { ...DEFAULT_PREFERENCES, groups: "none" } as const;
  await storage.notices.putPreferences("alice", preferences);
  await storage.notices.putTarget(target("browser", { userId: "alice", keys: "secret" }));
  await storage.notices.putTarget(target("phone"));
  const noticesOf = async (userId: string) =>
    (await linesOf(userId)).filter(({ kind }) => `${kind}`.startsWith("notification"));
  const told = { kind: "notificationTarget", channel: "webpush" };
  const createdAt = new Date(EPOCH_MS).toISOString();
  expect(await noticesOf("alice")).toEqual([
    { kind: "notificationPreferences", ...preferences },
    { ...told, id: "browser", address: "https://push.example/browser", createdAt },
  ]);
  expect(await noticesOf("bob")).toEqual([
    { ...told, id: "phone", address: "https://push.example/phone", createdAt },
  ]);
});

test("of a user there is one at a time, and another when it has ended", async () => {
  let refusal: Promise<string> | undefined;
  beside = (exports, context) => {
    refusal ??= refusalOf(() => exports.answer(context, "alice"));
  };
  const first = await linesOf("alice");
  expect(await refusal).toBe("RATE_LIMITED");
  expect(await linesOf("alice")).toEqual(first);
});

test("one during which the store fails ends without its last line", async () => {
  beside = () => void storage.close();
  const lines = await linesOf("alice");
  expect(lines.filter(({ kind }) => kind === "end")).toEqual([]);
});
