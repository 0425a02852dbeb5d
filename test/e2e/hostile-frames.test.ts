import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RawClient } from "../support/raw-client.ts";
import { WitnessedServer } from "../support/witnessed-server.ts";

let scene: WitnessedServer;

beforeAll(async () => {
  scene = await WitnessedServer.start();
});

afterAll(() => scene.stop());

type Version = "1.0" | "1.1" | "1.2";

async function connect(version: Version): Promise<RawClient> {
  const client = await RawClient.open(scene.server.wsUrl);
  client.send(`CONNECT\naccept-version:${version}\nX-User-Id:mallory\n\n\0`);
  await client.frame("CONNECTED");
  return client;
}

const LINE = 8 * 1024;
const FRAME = 128 * 1024;
const TO = "destination:/topic/a\n";
const ASKED = "SEND\ndestination:/topic/a\nreceipt:after\n\n\0";
const MALFORMED = "MALFORMED_FRAME";

/** A SEND of so many octets, NUL and all. */
function sendOf(octets: number): string {
  const head = `SEND\n${TO}receipt:r\n\n`;
  return `${head}${"x".repeat(octets - head.length - 1)}\0`;
}

function headers(count: number): string {
  return Array.from({ length: count }, (_, index) => `x${index}:y\n`).join("");
}

describe("is answered with an ERROR, and nothing behind it is handled", () => {
  const cases: [name: string, versions: Version[], wire: string, code: string][] = [
    ["a header without a colon", ["1.0", "1.1", "1.2"], `SEND\n${TO}header\n\n\0`, MALFORMED],
    ["a header without a name", ["1.0", "1.1", "1.2"], `SEND\n${TO}:value\n\n\0`, MALFORMED],
    ["a NUL in a header", ["1.0", "1.1", "1.2"], `SEND\n${TO}x:a\0b\n\n\0`, MALFORMED],
    ["a NUL behind the command", ["1.0", "1.1", "1.2"], `SEND\0\n${TO}\n\0`, MALFORMED],
    ["a NUL alone", ["1.0", "1.1", "1.2"], "\0", MALFORMED],
    ["CR LF at the ends of lines", ["1.0", "1.1"], `SEND\r\n${TO}\r\n\0`, MALFORMED],
    ["a CR within a header", ["1.2"], `SEND\n${TO}x:a\revil:1\n\n\0`, MALFORMED],
    ["two CRs at the end of a line", ["1.2"], `SEND\r\r\n${TO}\n\0`, MALFORMED],
    ["the escape \\t", ["1.1", "1.2"], `SEND\n${TO}x:a\\tb\n\n\0`, MALFORMED],
    ["the escape \\r", ["1.1"], `SEND\n${TO}x:a\\rb\n\n\0`, MALFORMED],
    ["an escape in capitals", ["1.1", "1.2"], `SEND\n${TO}x:a\\Nb\n\n\0`, MALFORMED],
    ["a backslash that ends a header", ["1.1", "1.2"], `SEND\n${TO}x:a\\\n\n\0`, MALFORMED],
    ["a backslash that ends a name", ["1.1", "1.2"], `SEND\n${TO}x\\:a\n\n\0`, MALFORMED],
    ["a negative content-length", ["1.0", "1.2"], `SEND\n${TO}content-length:-1\n\n\0`, MALFORMED],
    ["a content-length of NaN", ["1.0", "1.2"], `SEND\n${TO}content-length:NaN\n\n\0`, MALFORMED],
    ["a content-length of 1e1", ["1.1", "1.2"], `SEND\n${TO}content-length:1e1\n\n\0`, MALFORMED],
    ["Arabic digits", ["1.1", "1.2"], `SEND\n${TO}content-length:٣\n\nabc\0`, MALFORMED],
    ["one too few", ["1.0", "1.2"], `SEND\n${TO}content-length:2\n\nabc\0`, MALFORMED],
    ["one too many", ["1.0", "1.2"], `SEND\n${TO}content-length:4\n\nabc\0${ASKED}`, MALFORMED],
    [
      "a content-length beyond all",
      ["1.2"],
      `SEND\n${TO}content-length:${"9".repeat(400)}\n\n`,
      "FRAME_TOO_LARGE",
    ],
    [
      "a body on UNSUBSCRIBE",
      ["1.1", "1.2"],
      "UNSUBSCRIBE\nid:1\ncontent-length:1\n\na\0",
      MALFORMED,
    ],
    ["a body on DISCONNECT", ["1.1", "1.2"], "DISCONNECT\nreceipt:x\n\na\0", MALFORMED],
    [
      "a line one octet too long",
      ["1.0", "1.2"],
      `SEND\n${TO}x:${"y".repeat(LINE - 1)}\n\n\0`,
      "HEADER_LIMIT_EXCEEDED",
    ],
    [
      "a line that never ends",
      ["1.0", "1.2"],
      `SEND\nx:${"y".repeat(LINE)}`,
      "HEADER_LIMIT_EXCEEDED",
    ],
    ["a command that never ends", ["1.0", "1.2"], "S".repeat(18), MALFORMED],
    [
      "one header too many",
      ["1.0", "1.2"],
      `SEND\n${TO}${headers(64)}\n\0`,
      "HEADER_LIMIT_EXCEEDED",
    ],
    ["headers without end", ["1.2"], `SEND\n${headers(10_000)}`, "HEADER_LIMIT_EXCEEDED"],
    ["a frame one octet too large", ["1.0", "1.2"], sendOf(FRAME + 1), "FRAME_TOO_LARGE"],
    [
      "a body that never ends",
      ["1.1", "1.2"],
      `SEND\n${TO}\n${"x".repeat(FRAME)}`,
      "FRAME_TOO_LARGE",
    ],
    [
      "a second CONNECT",
      ["1.0", "1.2"],
      "CONNECT\naccept-version:1.2\nX-User-Id:x\n\n\0",
      "ALREADY_CONNECTED",
    ],
    ["SUBSCRIBE without an id", ["1.1", "1.2"], `SUBSCRIBE\n${TO}\n\0`, "MISSING_HEADER"],
    ["SUBSCRIBE with an empty id", ["1.1", "1.2"], `SUBSCRIBE\n${TO}id:\n\n\0`, "MISSING_HEADER"],
    [
      "an unknown ack mode",
      ["1.0", "1.2"],
      `SUBSCRIBE\n${TO}id:1\nack:never\n\n\0`,
      "INVALID_HEADER",
    ],
    [
      "an id that is taken",
      ["1.0", "1.2"],
      `SUBSCRIBE\n${TO}id:1\n\n\0SUBSCRIBE\ndestination:/topic/b\nid:1\n\n\0`,
      "SUBSCRIPTION_ID_IN_USE",
    ],
    ["SEND without a destination", ["1.0", "1.2"], "SEND\n\nx\0", "MISSING_HEADER"],
    [
      "the destination in capitals",
      ["1.0", "1.2"],
      "SEND\nDESTINATION:/topic/a\n\nx\0",
      "MISSING_HEADER",
    ],
    [
      "an ACK of nothing",
      ["1.0", "1.1", "1.2"],
      "ACK\nid:1-x\nmessage-id:x\nsubscription:1\n\n\0",
      "UNKNOWN_ACK",
    ],
    ["an ACK without an id", ["1.0", "1.1", "1.2"], "ACK\n\n\0", "MISSING_HEADER"],
    [
      "a transaction that nobody began",
      ["1.0", "1.2"],
      "COMMIT\ntransaction:t\n\n\0",
      "UNKNOWN_TRANSACTION",
    ],
    [
      "more subscriptions than are allowed",
      ["1.2"],
      manySubscriptions(1_025),
      "TOO_MANY_SUBSCRIPTIONS",
    ],
  ];
  for (const [name, versions, wire, code] of cases) {
    test.each(versions)(`${name} (%s)`, async (version) => {
      const client = await connect(version);
      client.send(wire);
      client.send(ASKED);
      expect((await client.frame("ERROR")).header("code")).toBe(code);
      await client.closed;
      expect(client.frames.at(-1)?.command).toBe("ERROR");
      expect(client.got("RECEIPT")).toEqual([]);
      await scene.expectUnharmed();
    });
  }

  function manySubscriptions(count: number): string {
    const frame = (id: number) => `SUBSCRIBE\nid:${id}\ndestination:/topic/${id}\n\n\0`;
    return Array.from({ length: count }, (_, id) => frame(id)).join("");
  }

  test("a frame that is text first and bytes then", async () => {
    const client = await connect("1.2");
    client.send(`SEND\n${TO}`);
    client.send(Buffer.from("\nx\0"));
    expect((await client.frame("ERROR")).header("code")).toBe(MALFORMED);
    await client.closed;
  });

  test("a header that is not UTF-8", async () => {
    const client = await connect("1.2");
    client.send(Buffer.from(`SEND\n${TO}x:\xff\n\n\0`, "latin1"));
    expect((await client.frame("ERROR")).header("code")).toBe(MALFORMED);
    await client.closed;
  });
});

describe("is unusual, and right", () => {
  const cases: [name: string, version: Version, wire: string][] = [
    ["as many headers as there may be", "1.2", `SEND\n${TO}receipt:r\n${headers(62)}\n\0`],
    ["a line as long as it may be", "1.2", `SEND\n${TO}receipt:r\nx:${"y".repeat(LINE - 2)}\n\n\0`],
    ["a frame as large as it may be", "1.1", sendOf(FRAME)],
    ["a body of NULs", "1.0", `SEND\n${TO}receipt:r\ncontent-length:3\n\n\0\0\0\0`],
    [
      "a second content-length that lies",
      "1.2",
      `SEND\n${TO}receipt:r\ncontent-length:1\ncontent-length:9\n\nx\0`,
    ],
    ["a second receipt", "1.2", `SEND\n${TO}receipt:r\nreceipt:other\n\nx\0`],
    ["lines that end in CR LF", "1.2", `SEND\r\ndestination:/topic/a\r\nreceipt:r\r\n\r\nx\0\r\n`],
    ["heart-beats without end", "1.2", `${"\n".repeat(100_000)}SEND\n${TO}receipt:r\n\n\0`],
    [
      "headers named like parts of an object",
      "1.2",
      `SEND\n${TO}__proto__:x\nconstructor:y\nreceipt:r\n\n\0`,
    ],
  ];
  test.each(cases)("%s", async (_name, version, wire) => {
    const client = await connect(version);
    client.send(wire);
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("r");
    client.close();
    await scene.expectUnharmed();
  });

  test("a frame octet by octet, heart-beats around it", async () => {
    const client = await connect("1.1");
    for (const octet of `\n\nSEND\n${TO}receipt:slow\n\nbody\0\n`) client.send(octet);
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("slow");
    client.close();
  });

  test("escapes in a CONNECT stay as they are", async () => {
    const client = await RawClient.open(scene.server.wsUrl);
    client.send("CONNECT\naccept-version:1.2\nX-User-Id:a\\nb\\c\\q\n\n\0");
    expect((await client.frame("CONNECTED")).header("user-name")).toBe("a\\nb\\c\\q");
    client.close();
  });
});

test("the id of a refused typing topic can be used again, and the conversation may begin", async () => {
  const victim = await RawClient.connect(scene.server.wsUrl, "victim");
  const mallory = await connect("1.2");
  const subscribe = (id: string, destination: string) =>
    victim.send(`SUBSCRIBE\nid:${id}\ndestination:${destination}\nreceipt:${destination}\n\n\0`);
  subscribe("errors", "/user/queue/errors");
  subscribe("1", "/topic/typing/opened-by-another");
  subscribe("1", "/topic/a");
  while ((await victim.frame("RECEIPT")).header("receipt-id") !== "/topic/a");
  const message = { conversationId: "opened-by-another", recipientId: "victim", content: "x" };
  mallory.send(`SEND\ndestination:/app/chat.send\nreceipt:r\n\n${JSON.stringify(message)}\0`);
  await mallory.frame("RECEIPT");
  victim.send(ASKED);
  expect((await victim.frame("RECEIPT")).header("receipt-id")).toBe("after");
  for (const client of [victim, mallory]) client.close();
});

test("thousands of subscriptions one after another, and huge receipts, leave nothing behind", async () => {
  const client = await connect("1.2");
  const cycles = async (count: number) => {
    const cycle = `SUBSCRIBE\nid:c\n${TO}\n\0UNSUBSCRIBE\nid:c\n\n\0`;
    const receipt = "r".repeat(LINE - 100);
    for (let n = 0; n < count; n += 1) {
      client.send(`${cycle.repeat(100)}SEND\n${TO}receipt:${receipt}\n\n\0`);
      expect((await client.frame("RECEIPT")).header("receipt-id")).toBe(receipt);
    }
  };
  await cycles(100);
  const before = scene.residentMiB;
  await cycles(100);
  expect(scene.residentMiB - before).toBeLessThan(48);
  client.close();
  await scene.expectUnharmed();
});
