import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { fatalErrorOf, VERSIONS } from "../support/stomp-versions.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley();
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

const USER = { "X-User-Id": "conny" };

async function answerTo(
  headers: Record<string, string>,
  command: "CONNECT" | "STOMP" = "CONNECT",
): Promise<RawClient> {
  const client = await RawClient.open(server.wsUrl);
  client.frameOf(command, { ...USER, ...headers });
  return client;
}

describe("version negotiation", () => {
  test.each([
    ["1.2", "1.2"],
    ["1.1", "1.1"],
    ["1.0", "1.0"],
    ["1.0,1.1,1.2", "1.2"],
    ["1.2,1.1,1.0", "1.2"],
    ["1.0,1.1,2.0", "1.1"],
    ["1.0, 1.1", "1.1"],
    ["1.1,9.9", "1.1"],
  ])("accept-version:%s becomes %s", async (offer, version) => {
    const client = await answerTo({ "accept-version": offer });
    expect((await client.frame("CONNECTED")).header("version")).toBe(version);
    client.close();
  });

  test("without accept-version the client speaks 1.0", async () => {
    const client = await answerTo({});
    expect((await client.frame("CONNECTED")).header("version")).toBe("1.0");
    await client.confirmed("SUBSCRIBE", { destination: "/topic/no-id-needed" });
    client.close();
  });

  test.each(["2.0", "1.3,2.1", "1.22", "", "1"])(
    "with nothing in common (%p) there is an ERROR that tells the versions, and the end",
    async (offer) => {
      const client = await answerTo({ "accept-version": offer });
      const error = await client.frame("ERROR");
      expect(error.header("version")).toBe("1.0,1.1,1.2");
      expect(error.header("content-type")).toBe("text/plain");
      expect(error.text()).toContain("1.0, 1.1, 1.2");
      await client.closed;
    },
  );

  test("the agreed version holds from the frame after CONNECT on", async () => {
    const client = await RawClient.open(server.wsUrl);
    const headers = "accept-version:1.1\nX-User-Id:conny\n";
    client.send(`CONNECT\n${headers}\n\0SEND\ndestination:/topic/a\nx:\\r\n\n\0`);
    await client.frame("CONNECTED");
    expect(await fatalErrorOf(client)).toBe("MALFORMED_FRAME");
  });
});

describe("CONNECT", () => {
  test.each(VERSIONS)("may be written STOMP in %s", async (version) => {
    const client = await answerTo({ "accept-version": version }, "STOMP");
    expect((await client.frame("CONNECTED")).header("version")).toBe(version);
    client.close();
  });

  test("is answered with version, session, server and heart-beat", async () => {
    const clients = await Promise.all([1, 2].map(() => answerTo({ "accept-version": "1.2" })));
    const [one, two] = await Promise.all(clients.map((client) => client.frame("CONNECTED")));
    expect(one?.header("server")).toMatch(/^[^\s/]+(\/[^\s/]+)?( .*)?$/);
    expect(one?.header("heart-beat")).toMatch(/^\d+,\d+$/);
    expect(one?.header("session")).toBeTruthy();
    expect(one?.header("session")).not.toBe(two?.header("session"));
    expect(one?.body).toHaveLength(0);
    for (const client of clients) client.close();
  });

  test.each([{}, { host: "" }, { host: "another.example" }, { host: "/" }])(
    "may name any host or none: %j",
    async (host) => {
      const client = await answerTo({ "accept-version": "1.2", ...host });
      await client.frame("CONNECTED");
      client.close();
    },
  );

  test("is never unescaped, nor is CONNECTED escaped", async () => {
    const client = await answerTo({ "accept-version": "1.2", "X-User-Id": "a:b", x: "\\q\\" });
    await client.frame("CONNECTED");
    expect(String(client.messages[0])).toContain("\nuser-name:a:b\n");
    client.close();
  });

  test("may have line ends of CR LF, for 1.2 is not agreed upon yet", async () => {
    const client = await RawClient.open(server.wsUrl);
    client.send("CONNECT\r\naccept-version:1.2\r\nX-User-Id:conny\r\n\r\n\0\r\n");
    await client.frame("CONNECTED");
    client.close();
  });

  test("is padded in 1.0 only", async () => {
    const padded = await RawClient.open(server.wsUrl);
    padded.send("CONNECT\nlogin: conny\npasscode: secret\n\n\0");
    expect((await padded.frame("CONNECTED")).header("user-name")).toBe("conny");
    padded.close();
  });

  test("with a receipt gets no RECEIPT: CONNECTED is its answer", async () => {
    const client = await answerTo({ "accept-version": "1.2", receipt: "no" });
    await client.frame("CONNECTED");
    await client.confirmed("SEND", { destination: "/topic/a" });
    expect(client.got("RECEIPT").map((frame) => frame.header("receipt-id"))).not.toContain("no");
    client.close();
  });

  test("that names nobody is refused with an ERROR, and the end", async () => {
    const client = await RawClient.open(server.wsUrl);
    client.frameOf("CONNECT", { "accept-version": "1.2" });
    expect(await fatalErrorOf(client)).toBe("AUTHENTICATION_REQUIRED");
  });

  test("that comes twice is an ERROR", async () => {
    for (const command of ["CONNECT", "STOMP"]) {
      const client = await RawClient.connect(server.wsUrl, "conny");
      client.frameOf(command, { "accept-version": "1.2", ...USER });
      expect(await fatalErrorOf(client)).toBe("ALREADY_CONNECTED");
    }
  });

  test.each(["SEND", "SUBSCRIBE", "ACK", "BEGIN", "DISCONNECT", "FROBNICATE"])(
    "must come before %s",
    async (command) => {
      const client = await RawClient.open(server.wsUrl);
      client.frameOf(command, { id: "1", destination: "/topic/a", transaction: "t" });
      expect(await fatalErrorOf(client)).toBe("NOT_CONNECTED");
    },
  );

  test.each(["10", "a,b", "-1,0", "1,2,3", "1.5,2", " 1,1"])(
    "with a heart-beat of another form (%p) is an ERROR",
    async (offer) => {
      const client = await answerTo({ "accept-version": "1.2", "heart-beat": offer });
      expect(await fatalErrorOf(client)).toBe("INVALID_HEADER");
    },
  );
});

describe("clients that come and go fast", () => {
  test("are served, each of them", async () => {
    for (let round = 0; round < 50; round += 1) {
      const client = await RawClient.connect(server.wsUrl, "conny");
      client.frameOf("DISCONNECT", { receipt: "bye" });
      expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("bye");
      expect(await client.closed).toBe(1000);
    }
  });
});
