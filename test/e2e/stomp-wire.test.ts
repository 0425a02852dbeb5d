import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Frame } from "../../src/stomp/frame.ts";
import type { StompVersion } from "../../src/stomp/version.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { fatalErrorOf, fresh, VERSIONS } from "../support/stomp-versions.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const connect = (version: StompVersion) => RawClient.connect(server.wsUrl, "wire", version);

/** A subscriber to a topic of its own. */
async function listen(version: StompVersion): Promise<{ topic: string; client: RawClient }> {
  const client = await connect(version);
  const topic = fresh("topic");
  await client.confirmed("SUBSCRIBE", { id: "s", destination: topic });
  return { topic, client };
}

/** The SEND, its headers and end as given, as another client of the version gets it. */
async function passedOn(
  version: StompVersion,
  send: (topic: string) => string | Uint8Array<ArrayBuffer>,
  to: StompVersion = version,
): Promise<Frame> {
  const { topic, client } = await listen(to);
  const sender = await connect(version);
  sender.send(send(topic));
  const message = await client.frame("MESSAGE");
  for (const each of [client, sender]) each.close();
  return message;
}

const withHeader = (line: string) => (topic: string) =>
  `SEND\ndestination:${topic}\n${line}\n\nbody\0`;

/** The header line as a subscriber of the version sees it on the wire. */
async function writtenTo(to: StompVersion, version: StompVersion, line: string): Promise<string> {
  const { topic, client } = await listen(to);
  const sender = await connect(version);
  sender.send(withHeader(line)(topic));
  await client.frame("MESSAGE");
  for (const each of [client, sender]) each.close();
  const lines = String(client.messages.at(-1)).split("\n");
  return lines.find((each) => each.includes("x")) ?? "";
}

async function refusal(version: StompVersion, bytes: string | Uint8Array<ArrayBuffer>) {
  const client = await connect(version);
  client.send(bytes);
  return fatalErrorOf(client);
}

describe("header escapes", () => {
  test.each([
    ["1.2", "x:a\\nb\\rc\\cd\\\\e", "a\nb\rc:d\\e"],
    ["1.1", "x:a\\nb\\cd\\\\e", "a\nb:d\\e"],
    ["1.0", "x:a\\nb\\rc\\cd\\\\e\\q\\", "a\\nb\\rc\\cd\\\\e\\q\\"],
  ] as const)("of %s are undone and made again: %s", async (version, line, value) => {
    expect((await passedOn(version, withHeader(line))).header("x")).toBe(value);
    expect(await writtenTo(version, version, line)).toBe(line);
  });

  test("hold in header names as well", async () => {
    const message = await passedOn("1.2", withHeader("x\\cy\\n\\\\z:1"));
    expect(message.header("x:y\n\\z")).toBe("1");
  });

  test.each([
    ["1.1", "\\r"],
    ["1.1", "\\t"],
    ["1.1", "\\C"],
    ["1.1", "\\"],
    ["1.2", "\\t"],
    ["1.2", "\\N"],
    ["1.2", "\\0"],
    ["1.2", "\\"],
  ] as const)("that %s does not define are an ERROR: %s", async (version, sequence) => {
    const topic = fresh("topic");
    expect(await refusal(version, withHeader(`x:a${sequence}`)(topic))).toBe("MALFORMED_FRAME");
    expect(await refusal(version, withHeader(`a${sequence}:x`)(topic))).toBe("MALFORMED_FRAME");
  });

  test.each([
    ["1.2", "x:a\\nforged\\c1\\rz"],
    ["1.1", "x:a\\nforged\\c1z"],
    ["1.0", "x:aforged:1z"],
  ] as const)(
    "are those of the receiver: a line end from 1.2 cannot forge a header of %s",
    async (to, line) => {
      expect(await writtenTo(to, "1.2", "x:a\\nforged\\c1\\rz")).toBe(line);
    },
  );

  test("are not for 1.0: what looks like one reaches 1.2 as a backslash", async () => {
    expect(await writtenTo("1.2", "1.0", "x:a\\nb")).toBe("x:a\\\\nb");
  });
});

describe("header lines", () => {
  test.each(["1.1", "1.2"] as const)("keep their spaces in %s", async (version) => {
    const message = await passedOn(version, withHeader("x:  padded  \n y :z"));
    expect([message.header("x"), message.header(" y ")]).toEqual(["  padded  ", "z"]);
  });

  test("lose the padding that 1.0 writes", async () => {
    const message = await passedOn("1.0", (topic) => `SEND\ndestination: ${topic}\nx: y \n\n\0`);
    expect(message.header("x")).toBe("y");
  });

  test.each(VERSIONS)("may repeat a header in %s: the first counts", async (version) => {
    const message = await passedOn(
      version,
      (topic) => `SEND\ndestination:${topic}\ndestination:/topic/other\nfoo:World\nfoo:Hello\n\n\0`,
    );
    expect(message.headers.filter((_, index) => message.headers[index - 1] === "foo")).toEqual([
      "World",
    ]);
  });

  test("may be empty, hold further colons, and be of any script", async () => {
    const message = await passedOn("1.2", withHeader("x:\ny:a:b\nключ:значение 👋"));
    expect([message.header("x"), message.header("y")]).toEqual(["", "a:b"]);
    expect(message.header("ключ")).toBe("значение 👋");
  });

  test("have names whose case counts", async () => {
    expect(await refusal("1.2", `SEND\nDestination:${fresh("topic")}\n\n\0`)).toBe(
      "MISSING_HEADER",
    );
  });

  test.each(VERSIONS)("without a colon or a name are an ERROR in %s", async (version) => {
    expect(await refusal(version, withHeader("no colon")("/topic/x"))).toBe("MALFORMED_FRAME");
    expect(await refusal(version, withHeader(":no name")("/topic/x"))).toBe("MALFORMED_FRAME");
  });

  test("that are not UTF-8 are an ERROR", async () => {
    const bytes = Buffer.from(withHeader("x:\xff")("/topic/x"), "latin1");
    expect(await refusal("1.2", new Uint8Array(bytes))).toBe("MALFORMED_FRAME");
  });
});

describe("line ends", () => {
  test("may be CR LF in 1.2, in a frame and between frames", async () => {
    const message = await passedOn(
      "1.2",
      (topic) => `\r\n\r\nSEND\r\ndestination:${topic}\r\nx:y\r\n\r\nbody\r\n\0\r\n`,
    );
    expect([message.header("x"), message.text()]).toEqual(["y", "body\r\n"]);
  });

  test.each(["1.0", "1.1"] as const)("may not be CR LF in %s", async (version) => {
    expect(await refusal(version, "SEND\r\ndestination:/topic/x\r\n\r\n\0")).toBe(
      "MALFORMED_FRAME",
    );
    expect(await refusal(version, "\r\nSEND\ndestination:/topic/x\n\n\0")).toBe("MALFORMED_FRAME");
  });

  test("of 1.1 leave a CR to the header's value", async () => {
    const message = await passedOn("1.1", withHeader("x:a\r"), "1.2");
    expect(message.header("x")).toBe("a\r");
  });

  test("of 1.2 are the only place for a CR that is not escaped", async () => {
    expect(await refusal("1.2", withHeader("x:a\rb")("/topic/x"))).toBe("MALFORMED_FRAME");
  });

  test.each(VERSIONS)("may follow a frame of %s, as many as the client likes", async (version) => {
    const client = await connect(version);
    client.send("\n\n\n");
    await client.confirmed("SEND", { destination: "/topic/x" });
    client.send("\n");
    await client.confirmed("SEND", { destination: "/topic/x" });
    client.close();
  });
});

describe("bodies", () => {
  test.each(VERSIONS)("with content-length may hold NULs in %s", async (version) => {
    const body = "a\0b\0\0c👋";
    const message = await passedOn(
      version,
      (topic) =>
        `SEND\ndestination:${topic}\ncontent-length:${Buffer.byteLength(body)}\n\n${body}\0`,
    );
    expect(message.text()).toBe(body);
    expect(message.header("content-length")).toBe(String(Buffer.byteLength(body)));
  });

  test.each(VERSIONS)("without content-length end at the first NUL in %s", async (version) => {
    const { topic, client } = await listen(version);
    const send = `SEND\ndestination:${topic}\n\n`;
    client.send(`${send}one\0${send}two\0\n${send}\0`);
    const bodies = [];
    for (let count = 0; count < 3; count += 1) bodies.push((await client.frame("MESSAGE")).text());
    expect(bodies).toEqual(["one", "two", ""]);
    client.close();
  });

  test("of any octets are passed on as they are", async () => {
    const octets = Uint8Array.from({ length: 256 }, (_, octet) => octet);
    const message = await passedOn(
      "1.2",
      (topic) =>
        new Uint8Array(
          Buffer.concat([
            Buffer.from(`SEND\ndestination:${topic}\ncontent-length:256\n\n`),
            octets,
            new Uint8Array(1),
          ]),
        ),
    );
    expect(message.body).toEqual(new Uint8Array(octets));
  });

  test.each([
    ["shorter than the body", "content-length:3"],
    ["no number", "content-length:four"],
    ["negative", "content-length:-4"],
  ])("whose content-length is %s are an ERROR", async (_what, line) => {
    expect(await refusal("1.2", withHeader(line)("/topic/x"))).toBe("MALFORMED_FRAME");
  });

  test.each(["1.1", "1.2"] as const)(
    "on frames that have none are an ERROR in %s",
    async (version) => {
      for (const command of ["SUBSCRIBE", "UNSUBSCRIBE", "BEGIN", "ACK", "DISCONNECT"]) {
        const frame = `${command}\nid:1\ntransaction:t\ndestination:/topic/x\n\nbody\0`;
        expect(await refusal(version, frame)).toBe("MALFORMED_FRAME");
      }
    },
  );

  test("of a SUBSCRIBE are ignored in 1.0", async () => {
    const client = await connect("1.0");
    const topic = fresh("topic");
    await client.confirmed("SUBSCRIBE", { destination: topic }, "ignored");
    client.frameOf("SEND", { destination: topic }, "hi");
    expect((await client.frame("MESSAGE")).text()).toBe("hi");
    client.close();
  });
});

describe("limits on what a frame may cost", () => {
  test.each([
    ["the number of headers", `SEND\n${"a:b\n".repeat(65)}\n\0`, "HEADER_LIMIT_EXCEEDED"],
    ["the length of a header line", `SEND\nx:${"a".repeat(9_000)}\n\n\0`, "HEADER_LIMIT_EXCEEDED"],
    ["the size of a body", `SEND\nx:y\n\n${"x".repeat(140_000)}\0`, "FRAME_TOO_LARGE"],
    ["a body announced only", "SEND\ncontent-length:140000\n\n", "FRAME_TOO_LARGE"],
  ])("%s: an ERROR, and the end", async (_what, frame, code) => {
    expect(await refusal("1.2", frame)).toBe(code);
  });
});

describe("commands", () => {
  test.each(VERSIONS)("that %s does not know are an ERROR", async (version) => {
    for (const command of ["FROBNICATE", "MESSAGE", "RECEIPT", "ERROR", "CONNECTED"]) {
      expect(await refusal(version, `${command}\n\n\0`)).toBe("UNKNOWN_COMMAND");
    }
  });

  test("have a case that counts", async () => {
    expect(await refusal("1.2", "send\ndestination:/topic/x\n\n\0")).toBe("MALFORMED_FRAME");
  });
});
