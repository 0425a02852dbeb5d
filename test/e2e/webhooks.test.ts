import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ParleyProcess, runParley, startParley } from "../support/parley-process.ts";
import { answerOf, askAs, askAsServer } from "../support/server-api.ts";
import { joinStock } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";
import { type ReceivedWebhook, WebhookReceiver } from "../support/webhook-receiver.ts";

let receiver: WebhookReceiver;
let server: ParleyProcess;

beforeEach(async () => {
  receiver = new WebhookReceiver();
  server = await startParley({
    env: {
      PARLEY_API_KEYS: API_KEY,
      PARLEY_EVENT_WEBHOOK_URL: receiver.url,
      PARLEY_EVENT_WEBHOOK_SECRETS: receiver.secret,
      PARLEY_OUTBOUND_ALLOW: "127.0.0.1",
      PARLEY_PRESENCE_GRACE_MS: "50",
    },
  });
});

afterEach(async () => {
  expect(await server.stop()).toBe(0);
  receiver[Symbol.dispose]();
});

const ofType = (type: string) => receiver.calls.filter(({ body }) => body.type === type);

/** Resolves when so many calls of the type have come. */
async function received(type: string, count: number): Promise<ReceivedWebhook[]> {
  while (ofType(type).length < count) await receiver.received(receiver.calls.length + 1);
  return ofType(type);
}

async function say(conversationId: string, content: string): Promise<{ id: string }> {
  const path = `/api/conversations/${conversationId}/messages`;
  const answer = await askAs(server, "alice", path, "POST", { recipientId: "bob", content });
  expect(answer.status).toBe(201);
  return await answer.json();
}

test("the back end is told of messages as the API has them, and of what becomes of them", async () => {
  const { id } = await say("chat", "hello");
  const [call] = await received("message.created", 1);
  expect(call?.isGenuine).toBeTrue();
  expect(call?.id).toBe(id);
  const history = await askAs(server, "alice", "/api/conversations/chat/messages", "GET");
  expect((await history.json()).messages).toEqual([call?.body.data]);
  await askAs(server, "alice", `/api/messages/${id}`, "DELETE");
  const [, deletion] = await received("message.created", 2);
  expect(deletion?.body.data).toMatchObject({
    ...{ type: "MESSAGE_DELETED", event: { messageId: id, seq: 1 } },
  });
});

test("what its app does not take comes again, in order, and says what it is by then", async () => {
  const deleted = Promise.withResolvers<void>();
  receiver.answer = async () => {
    await deleted.promise;
    return new Response(null, { status: receiver.calls.length === 1 ? 503 : 200 });
  };
  const { id } = await say("chat", "a secret");
  await received("message.created", 1);
  await say("chat", "next");
  await askAs(server, "alice", `/api/messages/${id}`, "DELETE");
  deleted.resolve();
  const calls = await received("message.created", 4);
  const [first, again, second, third] = calls.map(({ body }) => body.data);
  expect(first).toMatchObject({ id, seq: 1, content: "a secret" });
  expect(again).toMatchObject({ id, seq: 1, content: "", deletedAt: expect.any(String) });
  expect(second).toMatchObject({ seq: 2, content: "next" });
  expect(third).toMatchObject({ seq: 3, type: "MESSAGE_DELETED" });
});

test("the back end is told who comes and goes", async () => {
  const bob = await joinStock(server, "bob");
  await received("presence.changed", 1);
  await bob.close();
  const [came, went] = await received("presence.changed", 2);
  expect(came?.body.data).toEqual({
    ...{ userId: "bob", status: "ONLINE", lastSeen: expect.any(String) },
  });
  expect(went?.body.data).toMatchObject({ userId: "bob", status: "OFFLINE" });
});

test("the back end is told anew, with the same ids, when it asks for it", async () => {
  for (const content of ["one", "two", "three"]) await say("chat", content);
  const told = (await received("message.created", 3)).map(({ id }) => id);
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const answer = await askAsServer(server, "POST", "/api/webhooks/replay", { from });
  expect(await answerOf(answer)).toEqual({ status: 200, body: { events: 3, next: null } });
  const all = (await received("message.created", 6)).map(({ id }) => id);
  expect(all).toEqual([...told, ...told]);
});

test("a server does not start with a URL of its own machine, unless that is allowed", async () => {
  const refused = await runParley(
    ...["serve", "--port=0", "--database-url=memory:", `--event-webhook-url=${receiver.url}`],
    `--event-webhook-secrets=${receiver.secret}`,
  );
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("event_webhook.url");
  expect(refused.stderr).not.toContain(receiver.url);
  expect(refused.stderr).not.toContain(receiver.secret);
});
