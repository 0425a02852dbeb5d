import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readServerFrames } from "../fuzz/carriers/server-frames.ts";
import { TEXT, webSocketFrame } from "../fuzz/carriers/websocket-frames.ts";
import { Random } from "../fuzz/random.ts";
import { RawClient } from "../support/raw-client.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { WitnessedServer } from "../support/witnessed-server.ts";

let scene: WitnessedServer;

beforeAll(async () => {
  scene = await WitnessedServer.start();
});

afterAll(() => scene.stop());

type Version = "1.0" | "1.1" | "1.2";

const TO = "destination:/topic/a\n";

describe("what a client wrote into a value comes out as no header", () => {
  const cases: [name: string, receiver: Version, wire: string, awaited: string][] = [
    ["a receipt with a CR", "1.0", `SEND\n${TO}receipt:r\revil:1\n\n\0`, "RECEIPT\n"],
    ["a receipt with a CR", "1.1", `SEND\n${TO}receipt:r\revil:1\n\n\0`, "RECEIPT\n"],
    ["a receipt with an escaped LF", "1.1", `SEND\n${TO}receipt:r\\nevil\\c1\n\n\0`, "RECEIPT\n"],
    ["a receipt with CR and LF", "1.2", `SEND\n${TO}receipt:r\\r\\nevil\\c1\n\n\0`, "RECEIPT\n"],
    [
      "a subscription id",
      "1.1",
      `SUBSCRIBE\n${TO}id:s\\nevil\\c1\n\n\0SEND\n${TO}\n\0`,
      "MESSAGE\n",
    ],
    [
      "a subscription id",
      "1.2",
      `SUBSCRIBE\n${TO}id:s\\r\\nevil\\c1\n\n\0SEND\n${TO}\n\0`,
      "MESSAGE\n",
    ],
    [
      "a subscription id with a CR",
      "1.0",
      `SUBSCRIBE\n${TO}id:s\revil:1\n\n\0SEND\n${TO}\n\0`,
      "MESSAGE\n",
    ],
    [
      "a destination",
      "1.2",
      "SUBSCRIBE\nid:s\ndestination:/topic/a\\nevil:1\n\n\0SEND\ndestination:/topic/a\\nevil:1\n\n\0",
      "MESSAGE\n",
    ],
    ["an unknown destination", "1.1", "SUBSCRIBE\nid:1\ndestination:/no\\nevil:1\n\n\0", "ERROR\n"],
    [
      "an id in use",
      "1.2",
      `SUBSCRIBE\n${TO}id:s\\nevil:1\n\n\0SUBSCRIBE\nid:s\\nevil:1\ndestination:/topic/b\n\n\0`,
      "ERROR\n",
    ],
    ["the receipt of a refused frame", "1.1", "ACK\nid:1\nreceipt:r\\nevil:1\n\n\0", "ERROR\n"],
    ["a transaction's name", "1.1", "COMMIT\ntransaction:t\\nevil:1\n\n\0", "ERROR\n"],
  ];
  const random = new Random(1);
  const frameOf = (text: string) =>
    webSocketFrame({ opcode: TEXT, payload: Buffer.from(text) }, random);

  async function speak(version: Version): Promise<RawSocket> {
    const raw = await RawSocket.upgrade(scene.port);
    raw.write(frameOf(`CONNECT\naccept-version:${version}\nX-User-Id:mallory\n\n\0`));
    await raw.until("CONNECTED\n");
    return raw;
  }

  /** Lines of headers of every frame that came. */
  function headLines(raw: RawSocket): string[] {
    const frames = raw.bytes.subarray(raw.bytes.indexOf("\r\n\r\n") + 4);
    const stomp = readServerFrames(frames).frames.map(({ payload }) => payload.toString());
    return stomp.flatMap((frame) => (frame.split("\n\n")[0] ?? "").split(/[\r\n]/));
  }

  test.each(cases)("%s (%s)", async (_name, version, wire, awaited) => {
    const raw = await speak(version);
    raw.write(frameOf(wire));
    await raw.until(awaited);
    await raw.until("\n\n\0");
    expect(headLines(raw).filter((line) => line.startsWith("evil"))).toEqual([]);
    raw.end();
  });

  test.each(["1.0", "1.1", "1.2"] as const)(
    "headers of another client's SEND (%s)",
    async (version) => {
      const raw = await speak(version);
      raw.write(frameOf("SUBSCRIBE\nid:s\ndestination:/topic/split\nreceipt:ready\n\n\0"));
      await raw.until("receipt-id:ready");
      const sender = await RawClient.connect(scene.server.wsUrl, "mallory");
      const odd = "x:a\\r\\nevil:1\ny\\r\\nevil:2\nevil\\cz:3\n\\nevil:4\ncontent-length\\r:0\n";
      sender.send(`SEND\ndestination:/topic/split\n${odd}\nthe body\0`);
      await raw.until("the body\0");
      const lines = headLines(raw).map((line) => line.replaceAll("\\c", ":"));
      expect(lines.filter((line) => /^evil:[12]|^content-length:0/.test(line))).toEqual([]);
      sender.close();
      raw.end();
    },
  );
});
