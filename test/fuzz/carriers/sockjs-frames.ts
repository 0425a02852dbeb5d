import type { Random } from "../random.ts";
import { readSockJs } from "../reference/sockjs.ts";
import type { Outbound } from "./carrier.ts";

/** A client's message: an array of texts, or one text. */
export function sockJsBody(stomp: Buffer, random: Random): Buffer {
  const texts = splitText(stomp.toString(), random);
  const isSingle = texts.length === 1 && random.chance(0.2);
  return Buffer.from(JSON.stringify(isSingle ? texts[0] : texts));
}

/** What is no message, or hardly one. */
export function brokenSockJs(stomp: Buffer, random: Random): Buffer {
  const text = JSON.stringify(stomp.toString());
  const broken = random.pick([
    ...[`[${text}`, `${text}]`, `[[${text}]]`, `[${text},1]`, `[${text},null]`, `{"a":${text}}`],
    ...[`[${text},]`, `[${text} ${text}]`, "[]", "null", "1", "", " ", `  [${text}]`, "[", "x"],
    ...[`a[${text}]`, text.slice(0, -1), `["\\ud800"]`, `["\\ud83d","\\ude00"]`, `["\\x"]`],
    "[".repeat(random.between(1_000, 30_000)),
  ]);
  return Buffer.from(broken);
}

/** A server's frame: open, heart-beat, close, or an array of texts. */
export function readSockJsFrame(frame: string): Outbound[] {
  if (frame === "o" || frame === "h" || /^c\[\d+,"/.test(frame)) return [];
  const texts = frame.startsWith("a") ? readSockJs(frame.slice(1)) : null;
  if (texts === null) return [{ kind: "garbage", text: `the SockJS frame ${frame.slice(0, 80)}` }];
  return texts.map((text) => ({ kind: "stomp", bytes: Buffer.from(text) }));
}

function splitText(text: string, random: Random): string[] {
  if (random.chance(0.7) || text.length < 2) return [text];
  const cut = random.below(text.length);
  return [text.slice(0, cut), text.slice(cut)]; // Within a pair of surrogates, too.
}
