import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";

let server: ParleyProcess;
let witness: StockClient;

beforeAll(async () => {
  server = await startParley({ flags: ["--limits-connect-ms=300"] });
  witness = await connectStock(server, "witness");
  await subscribeAll(witness);
});

afterAll(async () => {
  await witness.close();
  expect(await server.stop()).toBe(0);
});

/** The server still works for others. */
async function expectWitnessUnharmed(): Promise<void> {
  await witness.sent("/app/chat.send", {
    conversationId: "w",
    recipientId: "w2",
    content: "still here",
  });
  expect(witness.connects).toBe(1);
}

describe("what breaks the protocol is answered with an ERROR, and the connection ends", () => {
  test.each([
    ["garbage", "GET / HTTP/1.1\r\n\r\n", "MALFORMED_FRAME", 1002],
    ["a frame before CONNECT", "SEND\ndestination:/topic/a\n\nhi\0", "NOT_CONNECTED", 1008],
    [
      "a version that nobody speaks",
      "CONNECT\naccept-version:9.9\nX-User-Id:x\n\n\0",
      "UNSUPPORTED_VERSION",
      1002,
    ],
    [
      "a CONNECT that names nobody",
      "CONNECT\naccept-version:1.2\n\n\0",
      "AUTHENTICATION_REQUIRED",
      1008,
    ],
    [
      "a user id that cannot be one",
      "CONNECT\naccept-version:1.2\nX-User-Id:a/b\n\n\0",
      "AUTHENTICATION_FAILED",
      1008,
    ],
  ])("%s", async (_name, frame, code, closeCode) => {
    const client = await RawClient.open(server.wsUrl);
    client.send(frame);
    const error = await client.frame("ERROR");
    expect(error.header("code")).toBe(code);
    expect(await client.closed).toBe(closeCode);
    await expectWitnessUnharmed();
  });

  test.each([
    ["a bad escape", "SEND\ndestination:/topic/a\nx:\\z\n\n\0", "MALFORMED_FRAME", 1002],
    [
      "too large a frame",
      `SEND\ndestination:/topic/a\n\n${"x".repeat(140_000)}\0`,
      "FRAME_TOO_LARGE",
      1009,
    ],
    ["too many headers", `SEND\n${"a:b\n".repeat(65)}\n\0`, "HEADER_LIMIT_EXCEEDED", 1002],
    ["too long a header line", `SEND\nx:${"a".repeat(9_000)}\n\n\0`, "HEADER_LIMIT_EXCEEDED", 1002],
    [
      "a command that clients do not send",
      "MESSAGE\ndestination:/topic/a\n\nhi\0",
      "UNKNOWN_COMMAND",
      1002,
    ],
    [
      "a body where none may be",
      "SUBSCRIBE\nid:1\ndestination:/topic/a\n\nhi\0",
      "MALFORMED_FRAME",
      1002,
    ],
    [
      "a wrong content-length",
      "SEND\ndestination:/topic/a\ncontent-length:1\n\nhi\0",
      "MALFORMED_FRAME",
      1002,
    ],
  ])("%s", async (_name, frame, code, closeCode) => {
    const client = await RawClient.connect(server.wsUrl, "mallory");
    client.send(frame);
    const error = await client.frame("ERROR");
    expect(error.header("code")).toBe(code);
    expect(error.text()).toStartWith(code);
    expect(await client.closed).toBe(closeCode);
    await expectWitnessUnharmed();
  });

  test("binary garbage", async () => {
    const client = await RawClient.connect(server.wsUrl, "mallory");
    client.send(crypto.getRandomValues(new Uint8Array(2_000)).fill(255, 0, 20));
    expect((await client.frame("ERROR")).header("code")).toBe("MALFORMED_FRAME");
    await client.closed;
    await expectWitnessUnharmed();
  });

  test("a WebSocket message beyond any frame is cut off by the engine", async () => {
    const client = await RawClient.connect(server.wsUrl, "mallory");
    client.send("x".repeat(2_000_000));
    expect(await client.closed).toBeOneOf([1006, 1009]);
    await expectWitnessUnharmed();
  });

  test("no CONNECT within the time", async () => {
    const client = await RawClient.open(server.wsUrl);
    expect((await client.frame("ERROR")).header("code")).toBe("CONNECT_TIMEOUT");
    expect(await client.closed).toBe(1008);
  });
});

describe("what is wrong in the application is told on the errors queue, and the connection lives", () => {
  test.each([
    ["bad JSON", "/app/chat.send", "{not json", "INVALID_JSON"],
    ["a body that is no object", "/app/chat.send", "[]", "VALIDATION_FAILED"],
    [
      "a missing field",
      "/app/chat.send",
      '{"conversationId":"c","recipientId":"x"}',
      "VALIDATION_FAILED",
    ],
    [
      "an empty message",
      "/app/chat.send",
      '{"conversationId":"c","recipientId":"x","content":""}',
      "VALIDATION_FAILED",
    ],
    [
      "an id that is no Unicode text",
      "/app/chat.send",
      '{"conversationId":"c","recipientId":"x","content":"hi","clientMessageId":"1\\ud800"}',
      "VALIDATION_FAILED",
    ],
    [
      "an id with a slash",
      "/app/chat.send",
      '{"conversationId":"a/b","recipientId":"x","content":"hi"}',
      "VALIDATION_FAILED",
    ],
    ["an unknown /app destination", "/app/chat.shout", "{}", "UNKNOWN_DESTINATION"],
    ["an unknown destination", "/nowhere", "{}", "UNKNOWN_DESTINATION"],
    [
      "a foreign conversation",
      "/app/chat.send",
      '{"conversationId":"w","content":"hi"}',
      "CONVERSATION_NOT_FOUND",
    ],
    [
      "a missing conversation",
      "/app/chat.send",
      '{"conversationId":"nope","content":"hi"}',
      "CONVERSATION_NOT_FOUND",
    ],
    [
      "typing in a foreign conversation",
      "/app/chat.typing/w",
      '{"isTyping":true}',
      "CONVERSATION_NOT_FOUND",
    ],
    ["reading a missing message", "/app/chat.read", '{"id":"nope"}', "MESSAGE_NOT_FOUND"],
    ["an unknown status", "/app/user.presence", '{"status":"DANCING"}', "VALIDATION_FAILED"],
    [
      "connecting as somebody else",
      "/app/user.connect",
      '{"userId":"witness"}',
      "FORBIDDEN_DESTINATION",
    ],
    ["sending into another's queue", "/user/witness/queue/messages", "{}", "FORBIDDEN_DESTINATION"],
    ["forging presence", "/topic/presence", "{}", "FORBIDDEN_DESTINATION"],
    ["forging typing", "/topic/typing/w", "{}", "FORBIDDEN_DESTINATION"],
  ])("%s", async (_name, destination, body, code) => {
    await witness.sent("/app/chat.send", {
      conversationId: "w",
      recipientId: "w2",
      content: "there it is",
    });
    const client = await RawClient.connect(server.wsUrl, "mallory");
    client.send("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    client.send(`SEND\ndestination:${destination}\nreceipt:r1\n\n${body}\0`);
    const message = await client.frame("MESSAGE");
    expect(JSON.parse(message.text())).toMatchObject({ code, destination, receiptId: "r1" });
    expect(client.got("RECEIPT")).toEqual([]);
    client.send("DISCONNECT\nreceipt:bye\n\n\0");
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("bye");
    expect(await client.closed).toBe(1000);
  });

  test("subscribing to another user's queue, and nothing of it arrives", async () => {
    const client = await RawClient.connect(server.wsUrl, "mallory");
    client.send("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    client.send("SUBSCRIBE\nid:1\ndestination:/user/witness/queue/confirmations\n\n\0");
    const message = await client.frame("MESSAGE");
    expect(JSON.parse(message.text())).toMatchObject({
      code: "FORBIDDEN_DESTINATION",
      destination: "/user/witness/queue/confirmations",
    });
    const before = witness.got("/user/witness/queue/confirmations").length;
    await expectWitnessUnharmed();
    await witness.count("/user/witness/queue/confirmations", before + 1);
    client.send("DISCONNECT\nreceipt:bye\n\n\0");
    await client.closed;
    expect(client.got("MESSAGE")).toHaveLength(1);
  });

  test("sending too fast is refused with the message's own id, and may be tried again", async () => {
    const client = await RawClient.connect(server.wsUrl, "hasty");
    client.send("SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0");
    for (let n = 0; n < 150; n += 1) {
      const body = {
        conversationId: "fast",
        recipientId: "slow",
        content: "x",
        clientMessageId: `h${n}`,
      };
      client.send(`SEND\ndestination:/app/chat.send\n\n${JSON.stringify(body)}\0`);
    }
    const refusal = JSON.parse((await client.frame("MESSAGE")).text());
    expect(refusal).toMatchObject({ code: "RATE_LIMITED" });
    expect(refusal.clientMessageId).toMatch(/^h1\d\d$/);
    client.close();
    await client.closed;
  });
});

describe("before a connection", () => {
  test("a page of a foreign origin is refused", async () => {
    const upgrade = (origin: string) =>
      fetch(`${server.url}/ws`, {
        headers: {
          ...{ connection: "Upgrade", upgrade: "websocket", origin },
          ...{ "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" },
        },
      });
    expect((await upgrade("https://evil.example")).status).toBe(403);
    expect((await upgrade("null")).status).toBe(403);
    const api = await fetch(`${server.url}/api/conversations`, {
      headers: { origin: "https://evil.example", "X-User-Id": "witness" },
    });
    expect(api.status).toBe(403);
  });

  test("a page of this machine is welcome", async () => {
    const info = await fetch(`${server.url}/ws/info`, {
      headers: { origin: "http://localhost:5173" },
    });
    expect(info.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
    expect(await info.json()).toMatchObject({ websocket: true, cookie_needed: false });
  });

  test("a foreign name that was made to point here is not believed", async () => {
    const host = `evil.example:${server.port}`;
    const read = await fetch(`${server.url}/api/conversations`, {
      headers: { host, "X-User-Id": "witness" },
    });
    expect(read.status).toBe(401);
    const info = await fetch(`${server.url}/ws/info`, {
      headers: { host, origin: `http://${host}` },
    });
    expect(info.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("X-User-Id is not believed through a proxy", async () => {
    const api = await fetch(`${server.url}/api/conversations`, {
      headers: { "X-User-Id": "witness", "X-Forwarded-For": "203.0.113.9" },
    });
    expect(api.status).toBe(401);
  });

  test("only STOMP's subprotocols are agreed to", async () => {
    const known = await RawClient.open(server.wsUrl, ["v11.stomp", "v12.stomp"]);
    expect(known.protocol).toBe("v12.stomp");
    known.close();
    await expect(RawClient.open(server.wsUrl, ["mqtt"])).rejects.toThrow();
  });

  test("an unknown path is a problem document", async () => {
    const answer = await fetch(`${server.url}/api/nothing`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: "NOT_FOUND" });
  });
});
