import { describe, expect, test } from "bun:test";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { HeartbeatSender } from "../../src/session/heartbeats.ts";
import { encodeFrame } from "../../src/stomp/encoder.ts";
import { EventConnection, HEARTBEAT } from "../../src/transport/event-connection.ts";
import { cursorText, parseEventCursor } from "../../src/transport/event-cursor.ts";
import { EventStream, eventText } from "../../src/transport/event-stream.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { LOCAL } from "../support/remote.ts";
import { FakeEngine } from "../support/session-harness.ts";
import { message } from "../support/stored.ts";

function setUp(limitBytes = 1_000) {
  const clock = new FakeClock();
  const told: string[] = [];
  const leaving: StoredMessage[] = [];
  const stream = new EventStream({
    onDrained: () => told.push("drained"),
    onEnd: () => told.push("ended"),
    onLeaving: (sent) => leaving.push(sent),
  });
  const connection = new EventConnection(LOCAL, stream, limitBytes, clock);
  const text = async () => (await stream.response).text();
  return { clock, told, leaving, stream, connection, text };
}

const frame = (headers: readonly string[], body: string) =>
  String(encodeFrame("1.2", "MESSAGE", headers, body));

describe("the text of an event", () => {
  test("names it, and has an id where the client's position is another then", () => {
    expect(eventText({ name: "receipt", data: "{}" }, null)).toBe("event: receipt\ndata: {}\n\n");
    expect(eventText({ name: "message", data: '{"a":"\\n"}' }, "7")).toBe(
      'id: 7\nevent: message\ndata: {"a":"\\n"}\n\n',
    );
  });

  test("of an error says when to come back, where that is known", () => {
    const data = '{"code":"SHUTTING_DOWN","retryAfterMs":1234}';
    const text = eventText({ name: "error", data }, null);
    expect(text).toBe(`retry: 1234\nevent: error\ndata: ${data}\n\n`);
    expect(eventText({ name: "typing", data }, null)).not.toContain("retry:");
  });
});

describe("a connection of events", () => {
  test("makes events of what its subscriptions bring, and of why it ends", async () => {
    const { connection, leaving, text, told } = setUp();
    connection.send(String(encodeFrame("1.2", "CONNECTED", ["version", "1.2"])));
    const destination = ["destination", "/topic/typing/a:b"];
    connection.send(frame(["subscription", "typing-12", ...destination], '{"isTyping":true}'));
    connection.message(message(1), '{"seq":1}');
    connection.caughtUp("chat#1");
    const why = ["message", "It is over", "code", "TOKEN_EXPIRED", "retry-after-ms", "17"];
    connection.send(String(encodeFrame("1.2", "ERROR", why, "TOKEN_EXPIRED: It is over\n")));
    connection.close();
    connection.message(message(2), '{"seq":2}');
    expect(await text()).toBe(
      [
        "retry: 2000\n\n",
        'event: typing\ndata: {"isTyping":true}\n\n',
        'id: chat#1\nevent: message\ndata: {"seq":1}\n\n',
        "id: chat#1\nevent: ready\ndata: {}\n\n",
        "retry: 17\nevent: error\n",
        'data: {"code":"TOKEN_EXPIRED","message":"It is over","retryAfterMs":17,',
        '"timestamp":"2026-01-01T00:00:00.000Z"}\n\n',
      ].join(""),
    );
    expect(leaving).toEqual([message(1)]);
    expect(told).toContain("ended");
  });

  test("gets heart-beats as comments, as often as is set", async () => {
    const { clock, connection, text } = setUp();
    const sender = new HeartbeatSender(clock, new FakeEngine(), 250);
    sender.add(connection, HEARTBEAT, 15_000);
    clock.advance(45_000);
    connection.close();
    sender.stop();
    expect(await text()).toBe(`retry: 2000\n\n${":\n\n".repeat(3)}`);
  });

  test("counts what the engine has not asked for yet as not taken", async () => {
    const { connection, told, text } = setUp();
    connection.message(message(1), "{}");
    expect(connection.bufferedBytes()).toBeGreaterThan(0);
    expect(told).toEqual([]);
    const all = text();
    await Bun.readableStreamToText(new Blob([]).stream()); // A turn, in which the engine asks.
    connection.close();
    await all;
    expect(told).toEqual(["drained", "ended"]);
    expect(connection.bufferedBytes()).toBe(0);
  });

  test("is closed when more waits than may", () => {
    const { connection, told } = setUp(1_000);
    for (let seq = 1; seq <= 4; seq += 1) connection.message(message(seq), "x".repeat(200));
    expect(told).toEqual([]);
    connection.message(message(5), "x".repeat(200));
    expect(told).toEqual(["ended"]);
  });
});

describe("a cursor", () => {
  const position = Bun.randomUUIDv7();
  const mailbox = { id: "A-_4567890123456789012", number: 17 };

  test("says the same when it is read", () => {
    for (const cursor of [
      { position, mailbox: null },
      { position, mailbox },
      { position: null, mailbox },
      { position: null, mailbox: null },
    ]) {
      expect(parseEventCursor(cursorText(cursor))).toEqual(cursor);
    }
  });

  test("of another form is none", () => {
    for (const text of ["", "1", `${position}.`, `${position}.x.1`, `${position}\n`, "-.."]) {
      expect(parseEventCursor(text)).toBeNull();
    }
  });
});
