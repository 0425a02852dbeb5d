/**
 * The codec alone: `bun bench/micro/codec.ts`. Each line is one call; where it stands for several
 * frames or octets, its name says how many.
 */
import { bench, do_not_optimize, group, run, summary } from "mitata";
import { decodeMessages, encodeMessage } from "../../src/sockjs/framing.ts";
import { Decoder } from "../../src/stomp/decoder.ts";
import { encodeFrame, joinMessage, messageHead, messageTail } from "../../src/stomp/encoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { GOOD_VECTORS, VECTOR_LIMITS } from "../../test/stomp/vectors.ts";

const LIMITS = { maxFrameBytes: 128 * 1024, maxHeaders: 64, maxHeaderLineBytes: 8192 };

const chat = (content: string): string =>
  JSON.stringify({ conversationId: "c-42", clientMessageId: "m-1", content, type: "TEXT" });

const sendOf = (content: string): string => {
  const headers = ["destination", "/app/chat.send", "content-type", "application/json"];
  return String(encodeFrame("1.2", "SEND", headers, chat(content)));
};

const SHORT = sendOf("Shall we meet at eight? The usual place, I bring the maps.");
const CHINESE = sendOf("我们八点见面好吗？老地方，我带地图。".repeat(3));
const LARGE = sendOf("x".repeat(16 * 1024));
const ACK = String(encodeFrame("1.2", "ACK", ["id", "7-0192f3c4-8a6b-7c1d-9e2f-000000000001"]));
const ESCAPED = SHORT.replace("content-type:", "x\\cname:a\\nb\\\\c\ncontent-type:");

let frames = 0;
const count = (frame: Frame): void => {
  do_not_optimize(frame);
  frames += 1;
};

function benchDecoder(name: string, wire: string): void {
  for (const [form, chunk] of [
    ["text", wire],
    ["bytes", Buffer.from(wire)],
  ] as const) {
    const decoder = new Decoder(LIMITS);
    decoder.version = "1.2";
    bench(`decode ${name}, ${form}`, () => decoder.push(chunk, count));
  }
}

group("decode, a frame a chunk", () => {
  benchDecoder("ACK", ACK);
  benchDecoder("SEND of a short text", SHORT);
  benchDecoder("SEND of a short text with escapes", ESCAPED);
  benchDecoder("SEND of Chinese text", CHINESE);
  benchDecoder("SEND of 16 KiB", LARGE);
});

group("decode, many", () => {
  benchDecoder("100 short SENDs in a chunk", SHORT.repeat(100));
  bench("decode all good vectors", () => {
    for (const vector of GOOD_VECTORS) {
      const decoder = new Decoder(VECTOR_LIMITS);
      decoder.version = vector.versions[0] ?? null;
      decoder.push(vector.wire, count);
    }
  });
});

// Linear time: eight times the octets, eight times the time.
summary(() => {
  for (const kibibytes of [15, 120]) {
    for (const form of ["text", "bytes"] as const) {
      const octet = form === "text" ? "x" : Buffer.from("x");
      const begin = form === "text" ? "SEND\n\n" : Buffer.from("SEND\n\n");
      const end = form === "text" ? "\0" : Buffer.from("\0");
      bench(`decode ${kibibytes} KiB octet by octet, ${form}`, () => {
        const decoder = new Decoder(LIMITS);
        decoder.push(begin, count);
        for (let octets = kibibytes * 1024; octets > 0; octets -= 1) decoder.push(octet, count);
        decoder.push(end, count);
      });
    }
  }
});

/** Concatenation is lazy; a character asked for makes the engine do it. */
function written(frame: string | Uint8Array): void {
  do_not_optimize(typeof frame === "string" ? frame.charCodeAt(frame.length - 1) : frame);
}

group("encode a MESSAGE", () => {
  const body = chat("Shall we meet at eight? The usual place, I bring the maps.");
  const ids = Array.from({ length: 64 }, (_, index) => `0192f3c4-8a6b-7c1d-${index}`);
  let turn = 0;
  const nextId = (): string => {
    turn = (turn + 1) % ids.length;
    return ids[turn] ?? "";
  };
  for (const [form, content] of [
    ["text", body],
    ["bytes", Buffer.from(body)],
  ] as const) {
    const tailOf = (id: string): string | Uint8Array =>
      messageTail("1.2", ["message-id", id, "content-type", "application/json"], content);
    const tails = ids.map(tailOf);
    const head = messageHead("1.2", "sub-0", "/user/42/queue/messages");
    bench(`tail, ${form}`, () => written(tailOf(nextId())));
    bench(`join, ${form}`, () => {
      turn = (turn + 1) % tails.length;
      written(joinMessage(head, tails[turn] ?? ""));
    });
  }
  bench("head", () => written(messageHead("1.2", nextId(), "/user/42/queue/messages")));
});

group("SockJS", () => {
  const message = SHORT.replace("SEND", "MESSAGE");
  const received = JSON.stringify([SHORT]);
  const emoji = `${message}😀👍`;
  bench("encode a short message", () => written(encodeMessage(message)));
  bench("encode a Chinese message", () => written(encodeMessage(CHINESE)));
  bench("encode a message with emoji", () => written(encodeMessage(emoji)));
  bench("encode 16 KiB", () => written(encodeMessage(LARGE)));
  bench("decode a short message", () => do_not_optimize(decodeMessages(received)));
});

await run();
console.log(`${frames} frames decoded`);
