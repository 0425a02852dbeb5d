import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { systemClock } from "../../src/clock.ts";
import { loadSettings } from "../../src/config.ts";
import { newUuid } from "../../src/ids.ts";
import { NoticeWorker } from "../../src/notify/notice-worker.ts";
import { OutboundClient } from "../../src/notify/outbound.ts";
import type { NoticeLetter } from "../../src/notify/webhook-events.ts";
import { openWebhooks, tellsMessages, type Webhooks } from "../../src/notify/webhooks.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { refusalOf } from "../support/refusal.ts";
import { batch, conversation, message } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

let storage: Storage;
let receiver: WebhookReceiver;
let opened: Webhooks | null = null;

beforeEach(() => {
  storage = memoryStorage();
  receiver = new WebhookReceiver();
});
afterEach(async () => {
  await opened?.worker.stop();
  await opened?.additions.stop();
  receiver[Symbol.dispose]();
  await storage.close();
});

function settingsOf(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

function open(allow: readonly string[], ...argv: string[]): Webhooks | null {
  const { eventWebhook } = settingsOf(...argv);
  opened = openWebhooks({
    ...{ settings: eventWebhook, store: storage.webhooks, client: new OutboundClient({ allow }) },
    ...{ newId: newUuid, clock: systemClock, random: () => 0, log: new RecordedLog() },
    onOutcome: () => {},
  });
  return opened;
}

const own = () => [
  `--event-webhook-url=${receiver.url}`,
  `--event-webhook-secrets=${receiver.secret}`,
];

const LETTER: NoticeLetter = {
  ...{ id: newUuid(), channel: "email", userId: "alice", targetId: "t", conversationId: "chat" },
  ...{ seq: 1, attempts: 1, reason: "refused", diedMs: 1 },
};

test("without a URL there are none", () => {
  expect(open([])).toBeNull();
});

test("a URL that leads to this machine is refused unless it is allowed", async () => {
  expect(await refusalOf(() => open([], ...own()))).toBe("INVALID_CONFIGURATION");
  expect(open(["127.0.0.1"], ...own())).not.toBeNull();
});

test("presence, failures and replayed messages reach the back end", async () => {
  const id = Bun.randomUUIDv7();
  const said = message(1, { id, timestampMs: Date.now() });
  await storage.chat.commit(batch({ conversations: [conversation()], messages: [said] }));
  const webhooks = open(["127.0.0.1"], ...own());
  webhooks?.worker.start();
  webhooks?.additions.start();
  webhooks?.additions.presenceChanged("alice", '{"userId":"alice"}');
  const failed = webhooks?.eventOf(LETTER);
  await storage.webhooks.add(failed == null ? [] : [failed]);
  expect(await webhooks?.replay.add(0, null)).toEqual({ count: 1, next: null });
  await receiver.received(3);
  expect(receiver.calls.every(({ isGenuine }) => isGenuine)).toBeTrue();
  const bodies = receiver.calls
    .map(({ body }) => body)
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
  expect(bodies).toMatchObject([
    { type: "delivery.failed", data: { letterId: LETTER.id, channel: "email", userId: "alice" } },
    { type: "message.created", data: { id, content: "message 1" } },
    { type: "presence.changed", data: { userId: "alice" } },
  ]);
});

test("messages reach the back end by the outbox, those of a conversation in their order", async () => {
  using folder = new TemporaryFolder();
  await storage.close();
  storage = await openSqliteStorage({ path: folder.file("parley.db") });
  const webhooks = open(["127.0.0.1"], ...own());
  const outbox = new NoticeWorker({
    ...{
      store: storage.notices,
      providers: [],
      keepDeadMs: null,
      webhooks: true,
      startDelayMs: 0,
      doubtMs: 0,
    },
    onEvents: () => webhooks?.worker.wake(),
    isThere: () => false,
    onOutcome() {},
    eventOf: () => null,
    ...{ newId: newUuid, clock: systemClock, random: () => 0, log: new RecordedLog() },
  });
  webhooks?.worker.start();
  outbox.start();
  let fails = 3;
  receiver.answer = () => {
    fails -= 1;
    return new Response(null, { status: fails >= 0 ? 500 : 204 });
  };
  const ids = ["one", "two"];
  await storage.chat.commit(batch({ conversations: ids.map((id) => conversation(id)) }));
  for (let seq = 1; seq <= 3; seq += 1) {
    const messages = ids.map((conversationId) => message(seq, { conversationId }));
    await storage.chat.commit(batch({ messages, outbox: messages.map(({ id }) => id) }));
    outbox.committed();
  }
  await receiver.received(3 + 6);
  await Promise.all([outbox.stop(), webhooks?.worker.stop()]);
  const taken = receiver.calls.slice(3).map(({ body }) => body.data);
  for (const conversationId of ids) {
    const seqs = taken.filter((data) => data.conversationId === conversationId);
    expect(seqs.map(({ seq, content }) => [seq, content])).toEqual(
      [1, 2, 3].map((seq) => [seq, `message ${seq}`]),
    );
  }
  await storage.close();
});

test("the back end is told of what it wishes alone", async () => {
  const told = async (events: string) => {
    const argv = [...own(), `--event-webhook-events=${events}`];
    const webhooks = open(["127.0.0.1"], ...argv);
    webhooks?.additions.start();
    webhooks?.additions.presenceChanged("alice", '{"userId":"alice"}');
    await webhooks?.additions.stop();
    const due = await storage.webhooks.due(Number.MAX_SAFE_INTEGER, [], 10);
    const outcomes = due.map(({ position }) => ({ kind: "sent", position }) as const);
    await storage.webhooks.settle(outcomes);
    const messages = tellsMessages(settingsOf(...argv).eventWebhook) ? ["message.created"] : [];
    const failed = webhooks?.eventOf(LETTER);
    const failures = failed == null ? [] : [failed.type];
    return [...messages, ...due.map(({ type }) => type), ...failures];
  };
  expect(await told("messages")).toEqual(["message.created"]);
  expect(await told("presence")).toEqual(["presence.changed"]);
  expect(await told("failures")).toEqual(["delivery.failed"]);
  expect(tellsMessages(settingsOf().eventWebhook)).toBeFalse();
});

test("messages are replayed in portions", async () => {
  const ids = Array.from({ length: 10_050 }, () => Bun.randomUUIDv7());
  const messages = ids.map((id, index) => message(index + 1, { id, timestampMs: Date.now() }));
  await storage.chat.commit(batch({ conversations: [conversation()], messages }));
  const webhooks = open(["127.0.0.1"], ...own());
  const first = await webhooks?.replay.add(0, null);
  expect(first).toEqual({ count: 10_000, next: ids[9_999] ?? "" });
  expect(await webhooks?.replay.add(0, first?.next ?? null)).toEqual({ count: 50, next: null });
});

describe("settings", () => {
  const url = "--event-webhook-url=https://app.example/events";
  const load = (...argv: string[]) => settingsOf(...argv).eventWebhook;

  test.each([
    ["whsec_ and 24 bytes", `whsec_${Buffer.alloc(24).toString("base64")}`],
    ["whsec_ and 64 bytes", `whsec_${Buffer.alloc(64).toString("base64")}`],
    ["a text of 32 bytes", "0123456789abcdef0123456789abcdef"],
  ])("take a secret of %s", (_, secret) => {
    expect(load(url, `--event-webhook-secrets=${secret}`).secrets).toEqual([secret]);
  });

  test.each([
    ["a URL without secrets", [url], "event_webhook.secrets"],
    ["secrets without a URL", ["--event-webhook-secrets", "0".repeat(32)], "event_webhook.url"],
    ["a short secret", [url, "--event-webhook-secrets=short"], "32 bytes"],
    ["few bytes in base64", [url, `--event-webhook-secrets=whsec_${"A".repeat(28)}`], "24 to 64"],
    ["what is no base64", [url, `--event-webhook-secrets=whsec_${"-".repeat(44)}`], "24 to 64"],
    ["another subject", ["--event-webhook-events=everything"], "messages, presence, failures"],
  ])("refuse %s", (_, argv, text) => {
    expect(() => load(...argv)).toThrow(text);
  });
});
