import { describe, expect, test } from "bun:test";
import {
  encodeFrame,
  escapeHeader,
  joinMessage,
  messageHead,
  messageTail,
} from "../../src/stomp/encoder.ts";
import { SUPPORTED_VERSIONS } from "../../src/stomp/version.ts";

describe("a header value is escaped", () => {
  const value = "\\a\nb\rc:d\0e";
  for (const [version, escaped] of [
    ["1.0", "\\abc:de"],
    ["1.1", "\\\\a\\nbc\\cde"],
    ["1.2", "\\\\a\\nb\\rc\\cde"],
  ] as const) {
    test(`as ${version} can`, () => expect(escapeHeader(version, value)).toBe(escaped));
  }
});

describe("encodeFrame", () => {
  test("writes text for a text, and counts its octets", () => {
    expect(encodeFrame("1.2", "SEND", ["a", "b"], "é\0")).toBe(
      "SEND\na:b\ncontent-length:3\n\né\0\0",
    );
  });

  test("writes bytes for bytes", () => {
    const frame = encodeFrame("1.2", "SEND", ["a", "é"], Buffer.from("\xff\0", "latin1"));
    expect(frame).toEqual(
      Buffer.concat([Buffer.from("SEND\na:é\ncontent-length:2\n\n"), new Uint8Array([0xff, 0, 0])]),
    );
  });

  test("announces no length without a body", () => {
    expect(encodeFrame("1.2", "RECEIPT", ["receipt-id", "7"])).toBe("RECEIPT\nreceipt-id:7\n\n\0");
    expect(encodeFrame("1.2", "RECEIPT", [], new Uint8Array(0))).toEqual(
      Buffer.from("RECEIPT\n\n\0"),
    );
  });

  for (const command of ["CONNECT", "STOMP", "CONNECTED"]) {
    test(`escapes nothing in ${command}, and lets nothing be injected`, () => {
      expect(encodeFrame("1.2", command, ["server", "a:b\\c\nx:y"])).toBe(
        `${command}\nserver:a:b\\cx:y\n\n\0`,
      );
    });
  }

  for (const version of SUPPORTED_VERSIONS) {
    test(`of ${version} lets nobody else say content-length`, () => {
      const names = ["content-length", "content-length\r", "content-length\0", "content-length:9"];
      const pairs = names.flatMap((name) => [name, "1"]);
      const lines = String(encodeFrame(version, "MESSAGE", pairs, "body")).split("\n");
      expect(lines.filter((line) => line.startsWith("content-length:"))).toEqual([
        "content-length:4",
      ]);
    });

    test(`of ${version} leaves out a header without a name`, () => {
      expect(encodeFrame(version, "SEND", ["", "x", "a", "b"])).toBe("SEND\na:b\n\n\0");
    });
  }

  test("leaves out what a name of 1.0 cannot say, and keeps the others", () => {
    const pairs = ["a:b", "1", "c\nd", "2", " e", "3", "f\\g", "4"];
    expect(encodeFrame("1.0", "SEND", pairs)).toBe("SEND\nf\\g:4\n\n\0");
    expect(encodeFrame("1.1", "SEND", pairs)).toBe("SEND\na\\cb:1\nc\\nd:2\n e:3\nf\\\\g:4\n\n\0");
  });
});

describe("a MESSAGE of head and tail", () => {
  const pairs = ["message-id", "7", "content-type", "text/plain"];

  test("is the whole frame, as text", () => {
    const head = messageHead("1.2", "sub-0", "/topic/a:b");
    const tail = messageTail("1.2", pairs, "hé");
    expect(joinMessage(head, tail)).toBe(
      "MESSAGE\nsubscription:sub-0\ndestination:/topic/a\\cb\n" +
        "message-id:7\ncontent-type:text/plain\ncontent-length:3\n\nhé\0",
    );
  });

  test("is the same frame, as bytes", () => {
    const head = messageHead("1.1", "é", "/topic/a");
    const asText = joinMessage(head, messageTail("1.1", pairs, "hé"));
    const asBytes = joinMessage(head, messageTail("1.1", pairs, Buffer.from("hé")));
    expect(asBytes).toEqual(Buffer.from(String(asText)));
  });

  test("names no subscription in 1.0 where there is none", () => {
    expect(messageHead("1.0", null, "/topic/a")).toBe("MESSAGE\ndestination:/topic/a\n");
  });
});
