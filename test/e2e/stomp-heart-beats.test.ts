import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { fatalErrorOf } from "../support/stomp-versions.ts";

const FLAGS = [
  "--heartbeat-minimum-ms=200",
  "--heartbeat-send-ms=1000",
  "--heartbeat-receive-ms=500",
];

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ flags: FLAGS });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function connect(
  heartbeat: string | null,
  version = "1.2",
  url = server.wsUrl,
): Promise<{ client: RawClient; agreed: string | undefined }> {
  const client = await RawClient.open(url);
  const offer = heartbeat === null ? {} : { "heart-beat": heartbeat };
  client.frameOf("CONNECT", { "accept-version": version, "X-User-Id": "heart", ...offer });
  return { client, agreed: (await client.frame("CONNECTED")).header("heart-beat") };
}

const beatsOf = (client: RawClient) =>
  client.messages.filter((message) => Buffer.from(message).toString() === "\n").length;

/** How long the server bears with a client that says nothing after its CONNECT, in ms. */
async function cutOff(heartbeat: string, version?: string): Promise<number> {
  const start = performance.now();
  const { client } = await connect(heartbeat, version);
  expect(await fatalErrorOf(client)).toBe("HEARTBEAT_TIMEOUT");
  return performance.now() - start;
}

describe("what CONNECTED offers", () => {
  test.each([
    [null, "1000,500"],
    ["0,0", "1000,500"],
    ["100,100", "200,500"],
    ["100,400", "400,500"],
    ["5000,5000", "1000,500"],
  ])(
    "to heart-beat %p is %s: the server's own, or more often if the client wants",
    async (offer, header) => {
      const { client, agreed } = await connect(offer);
      expect(agreed).toBe(header);
      client.close();
    },
  );

  test("is 0,0 of a server that neither sends nor wants any", async () => {
    const silent = await startParley({
      flags: ["--heartbeat-send-ms=0", "--heartbeat-receive-ms=0"],
    });
    const { client, agreed } = await connect("1000,1000", "1.2", silent.wsUrl);
    expect(agreed).toBe("0,0");
    client.close();
    expect(await silent.stop()).toBe(0);
  });
});

describe.concurrent("heart-beats of the server", () => {
  test.each(["1.0", "1.1", "1.2"])(
    "come as often as agreed in %s, as a line feed",
    async (version) => {
      const { client } = await connect("0,200", version);
      const start = performance.now();
      await client.until("five heart-beats", () => beatsOf(client) >= 5);
      const elapsedMs = performance.now() - start;
      // A second if all is on time; at the server's own interval it would be five.
      expect(elapsedMs).toBeLessThan(4_000);
      client.close();
    },
  );

  test("come to a binary client as an octet", async () => {
    const client = await RawClient.open(server.wsUrl);
    const connectFrame = "CONNECT\naccept-version:1.2\nheart-beat:0,200\nX-User-Id:heart\n\n\0";
    client.send(new TextEncoder().encode(connectFrame));
    await client.until("a heart-beat", () => beatsOf(client) > 0);
    expect(client.messages.every((message) => message instanceof Uint8Array)).toBe(true);
    client.close();
  });

  test.each([null, "0,0", "60000,0"])(
    "do not come to a client that wants none: %p",
    async (offer) => {
      const { client: without } = await connect(offer);
      const { client: other } = await connect("0,200");
      await other.until("five heart-beats", () => beatsOf(other) >= 5);
      expect(beatsOf(without)).toBe(0);
      for (const client of [without, other]) client.close();
    },
  );
});

describe.concurrent("a client that promised heart-beats", () => {
  test.each(["1.0", "1.1", "1.2"])(
    "and is silent is cut off with an ERROR in %s",
    async (version) => {
      // Twice the interval is the margin for what is late.
      expect(await cutOff("200,0", version)).toBeGreaterThanOrEqual(1_000);
    },
  );

  test("is given the longer of its interval and the server's", async () => {
    const [short, long] = await Promise.all([cutOff("50,0"), cutOff("1000,0")]);
    expect(short).toBeGreaterThanOrEqual(1_000);
    expect(long).toBeGreaterThanOrEqual(2_000);
  });

  test.each([
    ["a line feed", "\n"],
    ["CR LF", "\r\n"],
    ["a frame", "SEND\ndestination:/topic/x\n\n\0"],
    ["a part of a frame", "SEND\n"],
  ])("lives on while it sends %s", async (_what, sign) => {
    const { client } = await connect("200,200");
    const { client: silent } = await connect("200,0");
    // Each of the server's heart-beats is answered, until a silent one would long be cut off.
    let answered = 0;
    const isPart = sign === "SEND\n";
    await client.until("eight heart-beats", () => {
      while (answered < beatsOf(client)) {
        client.send(isPart && answered > 0 ? "x:y\n" : sign);
        answered += 1;
      }
      return answered >= 8;
    });
    expect(await fatalErrorOf(silent)).toBe("HEARTBEAT_TIMEOUT");
    client.send(isPart ? "destination:/topic/x\nreceipt:alive\n\n\0" : "\n");
    if (!isPart) client.frameOf("SEND", { destination: "/topic/x", receipt: "alive" });
    expect((await client.frame("RECEIPT")).header("receipt-id")).toBe("alive");
    client.close();
  });

  test("none is not cut off", async () => {
    const { client } = await connect("0,0");
    await cutOff("200,0");
    await client.confirmed("SEND", { destination: "/topic/x" });
    client.close();
  });
});
