import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import PostalMime from "postal-mime";
import { fcmError } from "../support/fcm-endpoint.ts";
import { NoticeChannels, PUBLIC_URL, reach, say } from "../support/notice-channels.ts";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { untilTrue } from "../support/processes.ts";
import { scrape } from "../support/scrape.ts";
import { answerOf, askAs, askInNameOf } from "../support/server-api.ts";
import { joinStock } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";

let channels: NoticeChannels;
let server: ParleyProcess;
let names = 0;
/** Of each test's own. */
let alice: string;
let bob: string;
let chat: string;
let phone: string;
let address: string;

beforeAll(async () => {
  channels = await NoticeChannels.start();
  server = await startParley({
    env: {
      ...{ ...channels.env, PARLEY_API_KEYS: API_KEY, PARLEY_PRESENCE_GRACE_MS: "0" },
      ...{ PARLEY_NOTIFY_PUSH_INTERVAL_MS: "0", PARLEY_NOTIFY_EMAIL_INTERVAL_MS: "0" },
      // One after the other: what is told shows that what was due before is not.
      ...{ PARLEY_NOTIFY_EMAIL_DELAY_MS: "1", PARLEY_FCM_CONCURRENCY: "1" },
      PARLEY_EMAIL_CONNECTIONS: "1",
    },
  });
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await channels[Symbol.asyncDispose]();
});

beforeEach(() => {
  names += 1;
  [alice, bob, chat] = [`alice-${names}`, `bob-${names}`, `chat-${names}`];
  [phone, address] = [`phone-${names}`, `bob-${names}@example.org`];
});

const tell = (content: string, conversationId = chat) =>
  say(server, alice, conversationId, { content, recipientId: bob });

/** What has been pushed to Bob's phone, once it is so much. */
async function pushed(count: number) {
  await untilTrue(() => channels.phone(phone).length >= count);
  return channels.phone(phone).map(({ data }) => [data.conversationId, data.count]);
}

const ask = (userId: string | null, method: string, path: string, body?: unknown) =>
  askInNameOf(server, userId, method, path, body);

/** A command of the binary that asks the server. */
async function command(...words: string[]) {
  const child = Bun.spawn([BINARY, ...words, "--url", server.url], {
    ...{ env: { PARLEY_API_KEYS: API_KEY }, stdout: "pipe", stderr: "pipe", cwd: tmpdir() },
  });
  const [out, code] = [await new Response(child.stdout).text(), await child.exited];
  expect([code, await new Response(child.stderr).text()]).toEqual([0, ""]);
  return out;
}

test("a message to an absent user is an e-mail, a notice on both phones, and an event for the back end", async () => {
  const device = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
  await reach(server, bob, "email", address);
  await reach(server, bob, "fcm", phone);
  await reach(server, bob, "apns", device);
  const { id } = await tell("Are you there?");
  await untilTrue(() => channels.mailbox(address).length === 1);
  await untilTrue(() => channels.phone(phone).length === 1);
  await untilTrue(() => channels.apple.pushes.length === 1);
  await untilTrue(() => channels.told("message.created", (data) => data.id === id).length === 1);
  expect(channels.mail.exposed).toBe(0);
  expect(channels.mailbox(address)[0]?.source).toContain("Are you there?");
  expect(channels.phone(phone)[0]).toMatchObject({
    notification: { title: alice, body: "Are you there?" },
    data: { conversationId: chat, count: "1" },
  });
  expect(channels.apple.pushes[0]).toMatchObject({
    device,
    payload: { aps: { alert: { title: alice, body: "Are you there?" } } },
  });
});

test("the link in an e-mail ends them: opened it changes nothing, by its button it does", async () => {
  await reach(server, bob, "email", address);
  await reach(server, bob, "fcm", phone);
  await tell("first");
  await untilTrue(() => channels.mailbox(address).length === 1);
  const { headers } = await PostalMime.parse(channels.mailbox(address)[0]?.source ?? "");
  const header = (name: string) => headers.find(({ key }) => key === name)?.value ?? "";
  expect(header("list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
  const link = /<(https:[^>]+)>/.exec(header("list-unsubscribe"))?.[1] ?? "";
  const url = link.replace(PUBLIC_URL, server.url);
  expect((await fetch(url)).status).toBe(200);
  await tell("second");
  await untilTrue(() => channels.mailbox(address).length === 2);
  const forged = await fetch(`${url}x`, { method: "POST" });
  expect(forged.status).toBe(400);
  const post = { method: "POST", body: new URLSearchParams("List-Unsubscribe=One-Click") };
  expect((await fetch(url, post)).status).toBe(200);
  const { body } = await ask(bob, "GET", "/api/notifications");
  expect(body.preferences).toMatchObject({ email: false, push: true });
  await tell("third");
  await pushed(3);
  const witness = `witness-${names}@example.org`;
  await reach(server, alice, "email", witness);
  await say(server, bob, chat, { content: "fourth" });
  await untilTrue(() => channels.mailbox(witness).length === 1);
  expect(channels.mailbox(address)).toHaveLength(2);
});

test("the back end is told of messages in their order, signed, and of who comes and goes", async () => {
  const client = await joinStock(server, alice);
  for (let count = 1; count <= 20; count += 1) {
    client.send("/app/chat.send", { conversationId: chat, recipientId: bob, content: `${count}` });
  }
  const ofChat = () => channels.told("message.created", (data) => data.conversationId === chat);
  await untilTrue(() => ofChat().length === 20);
  expect(ofChat().map(({ body }) => [body.data.seq, body.data.content])).toEqual(
    Array.from({ length: 20 }, (_, index) => [index + 1, `${index + 1}`]),
  );
  const statuses = () =>
    channels
      .told("presence.changed", ({ userId }) => userId === alice)
      .map(({ body }) => body.data.status);
  await untilTrue(() => statuses().length === 1);
  await client.close();
  await untilTrue(() => statuses().length === 2);
  expect(statuses()).toEqual(["ONLINE", "OFFLINE"]);
  expect(channels.hook.calls.every(({ isGenuine }) => isGenuine)).toBe(true);
});

test("what a provider refuses is a dead letter, of which the back end is told; replayed, it is sent", async () => {
  await reach(server, bob, "fcm", phone);
  channels.google.answer = () => fcmError(400, "INVALID_ARGUMENT");
  const { id } = await tell("lost?");
  const failures = () => channels.told("delivery.failed", ({ userId }) => userId === bob);
  await untilTrue(() => failures().length === 1);
  channels.google.answer = null;
  const { letterId } = failures()[0]?.body.data ?? {};
  expect(failures()[0]?.body.data).toMatchObject({ channel: "fcm", conversationId: chat });
  expect(await command("notices", "dead")).toContain(`${letterId}`);
  expect(await command("notices", "replay", `${letterId}`)).toBe("1 will be sent after all\n");
  expect(await pushed(1)).toEqual([[chat, "1"]]);
  expect(await command("notices", "dead")).toBe("Everything could be sent.\n");
  const from = new Date(Date.now() - 60_000).toISOString();
  const said = await command("webhooks", "replay", "--from", from);
  expect(said).toMatch(/^\d+ messages are told anew\n$/);
  await untilTrue(() => channels.told("message.created", (data) => data.id === id).length === 2);
});

test("nothing is told of what is muted, nor of who is blocked", async () => {
  await reach(server, bob, "fcm", phone);
  const group = { kind: "group", title: "All", memberIds: [bob, `carol-${names}`] };
  const made = await ask(alice, "POST", "/api/conversations", group);
  const mutedUntil = new Date(Date.now() + 3_600_000).toISOString();
  await tell("muted later");
  await pushed(1);
  const path = `/api/conversations/${chat}/preferences`;
  expect((await ask(bob, "PATCH", path, { mutedUntil })).status).toBe(204);
  await tell("muted");
  expect((await askAs(server, bob, `/api/blocks/${alice}`, "PUT")).status).toBe(204);
  await say(server, alice, made.body.id, { content: "of one who is blocked" });
  await say(server, `carol-${names}`, made.body.id, { content: "of another" });
  expect(await pushed(2)).toEqual([
    [chat, "1"],
    [made.body.id, "1"],
  ]);
  expect(channels.phone(phone)[1]?.notification.body).toContain("of another");
});

test("what is read on another device, while it is tried to tell, is told no more", async () => {
  await reach(server, bob, "fcm", phone);
  const held = channels.holdPhones();
  const { id } = await tell("read meanwhile");
  await held.asked;
  expect(
    (await answerOf(await askAs(server, bob, `/api/messages/${id}/read`, "POST"))).status,
  ).toBe(204);
  held.refuse();
  await tell("and another", `${chat}-2`);
  expect(await pushed(1)).toEqual([[`${chat}-2`, "1"]]);
  await tell("the first one again");
  expect(await pushed(2)).toEqual([
    [`${chat}-2`, "1"],
    [chat, "1"],
  ]);
});

test("what comes in quiet hours waits for their end, and is no dead letter", async () => {
  await reach(server, bob, "fcm", phone);
  const hourOf = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  const quietHours = {
    ...{ from: hourOf(Date.now() - 7_200_000), to: hourOf(Date.now() + 7_200_000) },
    timeZone: "UTC",
  };
  expect((await ask(bob, "PATCH", "/api/notifications", { quietHours })).status).toBe(200);
  await tell("sleep well");
  await reach(server, alice, "fcm", `${phone}-alice`);
  await say(server, bob, chat, { content: "I cannot sleep" });
  await untilTrue(() => channels.phone(`${phone}-alice`).length === 1);
  expect(channels.phone(phone)).toEqual([]);
});

test("a target that is removed while it is sent to is told nothing more, and comes back as a new one", async () => {
  const id = await reach(server, bob, "fcm", phone);
  const held = channels.holdPhones();
  await tell("to a phone that goes");
  await held.asked;
  expect((await ask(bob, "DELETE", `/api/notifications/targets/${id}`)).status).toBe(204);
  held.refuse();
  await reach(server, bob, "fcm", phone);
  await tell("to the same phone", `${chat}-2`);
  expect(await pushed(1)).toEqual([[`${chat}-2`, "1"]]);
});

test("who has left, and whom the server has erased, is told nothing of what still waited", async () => {
  const group = { kind: "group", title: "All", memberIds: [bob] };
  const made = await ask(alice, "POST", "/api/conversations", group);
  await reach(server, bob, "fcm", phone);
  const held = channels.holdPhones();
  await say(server, alice, made.body.id, { content: "before you leave" });
  await held.asked;
  const left = await ask(bob, "DELETE", `/api/conversations/${made.body.id}/members/${bob}`);
  expect(left.status).toBe(204);
  held.refuse();
  await tell("and between us");
  expect(await pushed(1)).toEqual([[chat, "1"]]);
  const again = channels.holdPhones();
  await tell("before you go");
  await again.asked;
  expect((await ask(null, "DELETE", `/api/users/${bob}`)).status).toBe(202);
  const erased = async () => (await ask(null, "GET", `/api/users/${bob}/erasure`)).body.doneAt;
  while ((await erased()) == null);
  again.refuse();
  const witness = `${phone}-alice`;
  await reach(server, alice, "fcm", witness);
  await say(server, `carol-${names}`, `${chat}-2`, { content: "hello", recipientId: alice });
  await untilTrue(() => channels.phone(witness).length === 1);
  expect(channels.phone(phone)).toHaveLength(1);
});

test("while one provider hangs, the others tell; with twenty phones, each is told", async () => {
  const phones = Array.from({ length: 20 }, (_, at) => `${phone}-${at}`);
  const held = channels.holdPhones();
  for (const each of phones.slice(1)) await reach(server, bob, "fcm", each);
  await reach(server, bob, "email", address);
  const target = { channel: "fcm", address: `${phone}-0` };
  const refused = await ask(bob, "POST", "/api/notifications/targets", target);
  expect(refused.body).toMatchObject({ code: "TOO_MANY_TARGETS" });
  const { id } = await tell("to all of your phones");
  await held.asked;
  await untilTrue(() => channels.mailbox(address).length === 1);
  await untilTrue(() => channels.told("message.created", (data) => data.id === id).length === 1);
  expect(phones.flatMap((each) => channels.phone(each))).toEqual([]);
  held.refuse();
  await untilTrue(() => phones.slice(1).every((each) => channels.phone(each).length === 1));
});

test("a provider that is down is named by the statistics and the metrics, until it takes notices again", async () => {
  const metric = 'parley_notice_servers_failing{channel="fcm"}';
  const failing = async () => (await ask(null, "GET", "/api/stats")).body.failingServers;
  expect([await failing(), (await scrape(server)).get(metric)]).toEqual([[], 0]);
  await reach(server, bob, "fcm", phone);
  channels.google.answer = () => fcmError(503, "UNAVAILABLE");
  await tell("while it is down");
  while ((await failing()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const { host } = new URL(channels.google.url);
  const since = expect.any(String);
  const reason = "FCM: 503 UNAVAILABLE";
  expect(await failing()).toEqual([{ channel: "fcm", server: host, since, reason }]);
  expect((await scrape(server)).get(metric)).toBe(1);
  channels.google.answer = null;
  expect(await pushed(1)).toEqual([[chat, "1"]]);
  while ((await failing()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await scrape(server)).get(metric)).toBe(0);
});
