import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { jpeg, turned } from "../support/pictures.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { answerOf, askAs, askInNameOf } from "../support/server-api.ts";
import { joinStock, type StockClient } from "../support/stock-client.ts";
import { API_KEY } from "../support/tokens.ts";
import { linksOf, upload, uploaded } from "../support/uploads.ts";

const MAX_BYTES = 2_000_000;

let server: ParleyProcess;
let alice: StockClient;
let bob: StockClient;

beforeAll(async () => {
  server = await startParley({
    env: { PARLEY_API_KEYS: API_KEY },
    flags: ["--attachments-max-bytes", `${MAX_BYTES}`, "--attachments-user-bytes", "30000000"],
  });
  [alice, bob] = [await joinStock(server, "alice"), await joinStock(server, "bob")];
});

afterAll(async () => {
  await alice.close();
  await bob.close();
  expect(await server.stop()).toBe(0);
});

const post = async (userId: string, conversationId: string, body: object) =>
  await answerOf(
    await askAs(server, userId, `/api/conversations/${conversationId}/messages`, "POST", body),
  );

/** A text that is alice's, sent to bob; the links that bob has to it. */
async function shared(conversationId: string, content: string | Uint8Array, name = "file") {
  const { id } = await uploaded(server, "alice", content, name);
  const sent = await post("alice", conversationId, { recipientId: "bob", attachments: [id] });
  expect(sent.status).toBe(201);
  return { id, messageId: sent.body.id, ...(await linksOf(server, "bob", id)) };
}

describe("a picture", () => {
  test("goes from one user to the other: live, in the history and by its links", async () => {
    const picture = turned(await jpeg(1_200, 600), "GPS 52.5 13.4");
    const kept = await uploaded(server, "alice", picture, "Grüße.jpg");
    expect(kept).toEqual({
      ...{ id: expect.any(String), name: "Grüße.jpg", type: "image/jpeg", size: picture.length },
      ...{ width: 600, height: 1_200, hasThumbnail: true },
    });
    await alice.sent("/app/chat.send", {
      ...{ conversationId: "live", recipientId: "bob", attachments: [kept.id] },
    });
    const of = ({ conversationId }: Record<string, unknown>) => conversationId === "live";
    await bob.until(() => bob.got("/user/bob/queue/messages").some(of), "the message");
    expect(bob.got("/user/bob/queue/messages").find(of)).toMatchObject({
      ...{ content: "", attachments: [kept] },
    });
    const history = await askAs(server, "bob", "/api/conversations/live/messages");
    expect((await history.json()).messages).toMatchObject([{ attachments: [kept] }]);

    const links = await linksOf(server, "bob", kept.id);
    const file = await fetch(server.url + links.url);
    expect(Buffer.from(await file.bytes()).equals(picture)).toBe(true);
    expect(file.headers.get("content-type")).toBe("image/jpeg");
    const thumbnail = await fetch(server.url + links.thumbnailUrl);
    expect(thumbnail.headers.get("content-type")).toBe("image/webp");
    const bytes = Buffer.from(await thumbnail.bytes());
    expect(await new Bun.Image(bytes).metadata()).toEqual({
      ...{ width: 256, height: 512, format: "webp" },
    });
    expect(bytes.length).toBeLessThan(picture.length);
    expect([picture.includes("GPS 52.5"), bytes.includes("GPS 52.5")]).toEqual([true, false]);
  });

  test("comes to who was away, when they return", async () => {
    const kept = await uploaded(server, "alice", await jpeg(40, 30), "small.jpg");
    await post("alice", "away", { recipientId: "dora", content: "look", attachments: [kept.id] });
    const dora = await joinStock(server, "dora");
    await dora.until(() => dora.got("/user/dora/queue/messages").length > 0, "the message");
    expect(dora.got("/user/dora/queue/messages")).toMatchObject([
      { replay: true, content: "look", attachments: [kept] },
    ]);
    await dora.close();
  });
});

describe("a link", () => {
  test("serves the file whole and in parts", async () => {
    const { id, url } = await shared("parts", "0123456789", "ten digits.txt");
    const got = async (headers: Record<string, string>, method = "GET") => {
      const answer = await fetch(server.url + url, { headers, method });
      const { status } = answer;
      const range = answer.headers.get("content-range");
      return [status, await answer.text(), range];
    };
    expect(await got({})).toEqual([200, "0123456789", null]);
    expect(await got({ range: "bytes=2-4" })).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await got({ range: "bytes=-3" })).toEqual([206, "789", "bytes 7-9/10"]);
    expect(await got({ range: "bytes=8-99" })).toEqual([206, "89", "bytes 8-9/10"]);
    expect(await got({ range: "bytes=10-" })).toEqual([416, "", "bytes */10"]);
    expect(await got({ range: "bytes=2-4", "if-range": `"${id}"` })).toMatchObject([
      206,
      "234",
      "bytes 2-4/10",
    ]);
    expect(await got({ range: "bytes=2-4", "if-range": '"other"' })).toMatchObject([
      200,
      "0123456789",
      null,
    ]);
    expect(await got({ "if-none-match": `"${id}"` })).toEqual([304, "", null]);
    const head = await fetch(server.url + url, { method: "HEAD" });
    expect([head.headers.get("content-length"), await head.text()]).toEqual(["10", ""]);
  });

  test("of text, also of such that looks like a page, is kept by browsers, not shown", async () => {
    const { url } = await shared("page", "<script>alert(1)</script>", 'a "page".html');
    const { headers } = await fetch(server.url + url);
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(headers.get("content-disposition")).toBe(
      `attachment; filename="a _page_.html"; filename*=UTF-8''a%20%22page%22.html`,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*sandbox/);
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });

  test("is kept by browsers no longer than it holds, and by nobody between", async () => {
    const { url } = await shared("cached", await jpeg(4, 4));
    const { headers } = await fetch(server.url + url);
    const [, seconds] = /^private, max-age=(\d+)$/.exec(headers.get("cache-control") ?? "") ?? [];
    expect(Number(seconds)).toBeGreaterThan(800);
    expect(Number(seconds)).toBeLessThanOrEqual(901);
    expect(headers.get("content-disposition")).toStartWith("inline;");
  });

  test("that is not the server's, or for another file, is refused", async () => {
    const one = await shared("forged", "one");
    const other = await uploaded(server, "alice", "other", "other");
    const first = one.url.at(-1) === "A" ? "E" : "A";
    for (const url of [
      one.url.slice(0, -1) + first,
      one.url.replace(/expires=\d+/, "expires=9999999999"),
      one.url.replace(one.id, other.id),
      one.url.replace("variant=original", "variant=thumbnail"),
      `/files/${one.id}?expires=9999999999&signature=`,
    ]) {
      const { status, body } = await answerOf(await fetch(server.url + url));
      expect([url, status, body.code]).toEqual([url, 403, "LINK_REFUSED"]);
    }
    expect(await (await fetch(server.url + one.url)).text()).toBe("one");
  });

  test("is given to members alone, and leads nowhere once the message is deleted", async () => {
    const { id, url, messageId } = await shared("members", "secret");
    const stranger = await answerOf(await askAs(server, "carol", `/api/attachments/${id}`));
    expect([stranger.status, stranger.body.code]).toEqual([404, "ATTACHMENT_NOT_FOUND"]);
    expect((await askAs(server, "alice", `/api/messages/${messageId}`, "DELETE")).status).toBe(204);
    const gone = await answerOf(await fetch(server.url + url));
    expect([gone.status, gone.body.code]).toEqual([404, "ATTACHMENT_NOT_FOUND"]);
    expect((await askAs(server, "bob", `/api/attachments/${id}`)).status).toBe(404);
    const history = await askAs(server, "bob", "/api/conversations/members/messages");
    const [deleted] = (await history.json()).messages;
    expect(deleted).toMatchObject({ content: "", deletedAt: expect.any(String) });
    expect(deleted).not.toHaveProperty("attachments");
  });
});

test("links to a file of a message that disappears, and what browsers keep of it, hold no longer than it", async () => {
  const { id } = await uploaded(server, "alice", "for a minute", "file");
  const before = await linksOf(server, "alice", id);
  const body = { recipientId: "bob", attachments: [id], disappearAfterSeconds: 60 };
  expect((await post("alice", "brief", body)).status).toBe(201);
  const history = await askAs(server, "bob", "/api/conversations/brief/messages");
  const [{ expiresAt }] = (await history.json()).messages;
  const { url, ...links } = await linksOf(server, "bob", id);
  expect(links.expiresAt).toBe(expiresAt);
  expect(Number(/expires=(\d+)/.exec(url)?.[1])).toBe(Math.ceil(Date.parse(expiresAt) / 1_000));
  for (const link of [url, before.url]) {
    const answer = await fetch(server.url + link);
    expect(await answer.text()).toBe("for a minute");
    const seconds = /max-age=(\d+)/.exec(answer.headers.get("cache-control") ?? "")?.[1];
    expect(Number(seconds)).toBeWithin(0, 61);
  }
});

describe("a message", () => {
  test("has no attachment of another, none twice, none that is taken, and not too many", async () => {
    const { id } = await uploaded(server, "alice", "mine", "mine");
    const bobs = await uploaded(server, "bob", "his", "his");
    const to = { recipientId: "bob" };
    const code = async (attachments: unknown) =>
      (await post("alice", "refused", { ...to, content: "x", attachments })).body.code;
    expect(await code([bobs.id])).toBe("ATTACHMENT_NOT_FOUND");
    expect(await code([id, id])).toBe("VALIDATION_FAILED");
    expect(await code(Array.from({ length: 11 }, () => Bun.randomUUIDv7()))).toBe(
      "VALIDATION_FAILED",
    );
    expect(await code(["../../link-secret"])).toBe("VALIDATION_FAILED");
    expect(await code("one")).toBe("VALIDATION_FAILED");
    expect((await post("alice", "refused", { ...to, attachments: [] })).body.code).toBe(
      "VALIDATION_FAILED",
    );
    expect((await post("alice", "taken", { ...to, attachments: [id] })).status).toBe(201);
    expect(await code([id])).toBe("ATTACHMENT_IN_USE");
    await alice.subscribed("/user/queue/errors");
    alice.send("/app/chat.send", {
      ...{ conversationId: "taken", attachments: [id], clientMessageId: "taken-1" },
    });
    await alice.until(() => alice.got("/user/queue/errors").length > 0, "the refusal");
    expect(alice.got("/user/queue/errors")).toMatchObject([
      { code: "ATTACHMENT_IN_USE", clientMessageId: "taken-1" },
    ]);
  });

  test("that is sent again with its key is the first one", async () => {
    const { id } = await uploaded(server, "alice", "once", "once");
    const message = { recipientId: "bob", attachments: [id], clientMessageId: "once" };
    const first = await post("alice", "once", message);
    const again = await post("alice", "once", message);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
  });

  test("that is edited keeps them, and needs no text beside them", async () => {
    const { messageId, id } = await shared("edited", "as it was");
    const path = `/api/messages/${messageId}`;
    const edited = async (content: string) =>
      (await askAs(server, "alice", path, "PATCH", { content })).status;
    const shown = async () => {
      const history = await askAs(server, "bob", "/api/conversations/edited/messages");
      return (await answerOf(history)).body.messages[0];
    };
    expect(await edited("a note")).toBe(204);
    expect(await shown()).toMatchObject({ content: "a note", attachments: [{ id }] });
    expect(await edited("")).toBe(204);
    expect(await shown()).toMatchObject({ content: "", attachments: [{ id }] });
    await alice.sent("/app/message.edit", { id: messageId, content: "again" });
    await alice.sent("/app/message.edit", { id: messageId, content: "" });
    expect(await shown()).toMatchObject({ content: "", attachments: [{ id }] });
    const { body } = await post("alice", "edited", { content: "without files" });
    const refused = await answerOf(
      await askAs(server, "alice", `/api/messages/${body.id}`, "PATCH", { content: "" }),
    );
    expect([refused.status, refused.body.code]).toEqual([422, "VALIDATION_FAILED"]);
  });

  test("may say that it has no text, as front ends do, over HTTP and STOMP", async () => {
    const ids = [await uploaded(server, "alice", "1"), await uploaded(server, "alice", "2")];
    const [first, second] = ids.map(({ id }) => ({ content: null, attachments: [id] }));
    expect((await post("alice", "silent", { recipientId: "bob", ...first })).status).toBe(201);
    await alice.sent("/app/chat.send", { conversationId: "silent", ...second });
    const history = await askAs(server, "bob", "/api/conversations/silent/messages");
    expect((await history.json()).messages).toMatchObject([
      { content: "", attachments: [ids[0]] },
      { content: "", attachments: [ids[1]] },
    ]);
  });
});

describe("a file", () => {
  test("that is too large is refused, told so beforehand or seen on its way", async () => {
    const large = "a".repeat(MAX_BYTES + 1);
    const told = await answerOf(await upload(server, "alice", large, "large"));
    expect([told.status, told.body.code]).toEqual([413, "ATTACHMENT_TOO_LARGE"]);
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        pulled += 1;
        controller.enqueue(Buffer.alloc(64 * 1024, 97));
        await new Promise(setImmediate);
      },
    });
    const seen = await answerOf(await upload(server, "alice", endless, "endless"));
    expect([seen.status, seen.body.code]).toEqual([413, "ATTACHMENT_TOO_LARGE"]);
    expect(pulled).toBeLessThan(10_000);
  });

  test("is what it is, whatever is said of it", async () => {
    const liar = await fetch(`${server.url}/api/attachments?name=picture.png`, {
      ...{ method: "POST", headers: { "X-User-Id": "alice", "Content-Type": "image/png" } },
      body: "no picture",
    });
    expect(await liar.json()).toMatchObject({ type: "text/plain", name: "picture.png" });
    const program = Buffer.from("7f454c4602010100", "hex");
    const refused = await answerOf(await upload(server, "alice", program, "harmless.txt"));
    expect([refused.status, refused.body.code]).toEqual([415, "ATTACHMENT_TYPE_REFUSED"]);
  });

  test.each(["a/b", "..\\b", "line\nend", "\u202egnp.exe", " ", "x".repeat(256)])(
    "is not called %j",
    async (name) => {
      const refused = await answerOf(await upload(server, "alice", "text", name));
      expect([refused.status, refused.body.code]).toEqual([422, "VALIDATION_FAILED"]);
    },
  );

  test("can be taken back by its uploader until it is sent", async () => {
    const { id } = await uploaded(server, "alice", "a mistake", "mistake");
    expect((await askAs(server, "bob", `/api/attachments/${id}`, "DELETE")).status).toBe(404);
    expect((await askAs(server, "alice", `/api/attachments/${id}`, "DELETE")).status).toBe(204);
    expect((await askAs(server, "alice", `/api/attachments/${id}`)).status).toBe(404);
    const { id: sent } = await shared("kept", "meant so");
    const refused = await answerOf(
      await askAs(server, "alice", `/api/attachments/${sent}`, "DELETE"),
    );
    expect([refused.status, refused.body.code]).toEqual([409, "ATTACHMENT_IN_USE"]);
  });

  test("comes from the back end too, in a user's name", async () => {
    const answer = await fetch(`${server.url}/api/attachments?name=bill.txt`, {
      method: "POST",
      headers: { "X-Api-Key": API_KEY, "X-User-Id": "alice" },
      body: "to pay: 3",
    });
    const { id } = await answer.json();
    const path = "/api/conversations/bills/messages";
    const body = { recipientId: "bob", attachments: [id] };
    expect((await askInNameOf(server, "alice", "POST", path, body)).status).toBe(201);
    expect((await askInNameOf(server, "bob", "GET", `/api/attachments/${id}`)).status).toBe(200);
    expect((await askInNameOf(server, "carol", "GET", `/api/attachments/${id}`)).status).toBe(404);
    expect((await askInNameOf(server, null, "GET", `/api/attachments/${id}`)).status).toBe(200);
  });
});

test("what users' files may take together is limited", async () => {
  const refusals: string[] = [];
  for (let count = 0; count < 20 && refusals.length === 0; count += 1) {
    const { status, body } = await answerOf(
      await upload(server, "greedy", "a".repeat(MAX_BYTES), `file ${count}`),
    );
    if (status !== 201) refusals.push(body.code);
  }
  expect(refusals).toEqual(["ATTACHMENT_QUOTA_EXCEEDED"]);
});

test("a body that is no file has its old limit, told its length or not", async () => {
  const large = JSON.stringify({ content: "a".repeat(8 * 128 * 1024) });
  for (const body of [large, new Blob([large]).stream()]) {
    const answer = await fetch(`${server.url}/api/conversations/limit/messages`, {
      ...{ method: "POST", headers: { "X-User-Id": "alice" }, body },
    });
    expect(answer.status).toBe(413);
  }
});

test("an upload that breaks off leaves nothing, and does not count", async () => {
  const socket = await RawSocket.open(server.port);
  const head = [
    "POST /api/attachments?name=half HTTP/1.1",
    ...["Host: 127.0.0.1", "X-User-Id: broken", "Content-Length: 1000000", "", "half"],
  ];
  socket.write(head.join("\r\n"));
  const incoming = () =>
    Array.from(new Bun.Glob("attachments/incoming/*").scanSync(server.dataDir));
  while (incoming().length === 0) await new Promise(setImmediate);
  socket.end();
  while (incoming().length > 0) await new Promise(setImmediate);
  expect((await upload(server, "broken", "whole", "whole")).status).toBe(201);
});
