import { encodeMessage } from "../sockjs/framing.ts";
import type { Wire } from "./wire.ts";

export type Payload = string | Uint8Array;

/** What ends a SockJS array frame behind its text. */
const SOCKJS_END = '"]';

/**
 * The frames of several messages for one subscriber after another. Where only the subscription id
 * differs, and not in length, the next subscriber's frames are made by writing over those of the
 * last one the few octets in which they differ. All must be ASCII, or all binary.
 */
export class FrameSheet {
  #head: string;
  /** Binary: the frames themselves. */
  readonly #frames: readonly Uint8Array[] | null;
  /** Text: all frames, one behind the other, from which one string is made, and of it their slices. */
  readonly #octets: Buffer;
  /** Where each text frame starts, and the end of the last. */
  readonly #starts: number[] = [];
  readonly #texts: string[] = [];

  private constructor(head: string, payloads: readonly Payload[]) {
    this.#head = head;
    if (payloads.every((payload) => typeof payload !== "string")) {
      this.#frames = payloads;
      this.#octets = Buffer.alloc(0);
      return;
    }
    this.#frames = null;
    this.#octets = Buffer.from(payloads.join(""), "latin1");
    let end = 0;
    this.#starts.push(end);
    for (const { length } of payloads) {
      end += length;
      this.#starts.push(end);
    }
  }

  /**
   * @param head where all payloads begin, see `headOnWire`
   * @param payloads nobody else's: what is binary is written over
   * @returns null where it cannot be done so
   */
  static of(head: string, payloads: readonly Payload[]): FrameSheet | null {
    const areBinary = typeof payloads[0] !== "string";
    const fit = payloads.every((payload) =>
      typeof payload === "string" ? !areBinary && isAscii(payload) : areBinary,
    );
    return fit && isAscii(head) ? new FrameSheet(head, payloads) : null;
  }

  /**
   * The frames with this head in place of the one before, which is as long. They are good until the
   * next call. null where the head is not ASCII.
   */
  payloads(head: string): readonly Payload[] | null {
    if (!this.#write(head)) return null;
    if (this.#frames !== null) return this.#frames;
    const text = this.#octets.toString("latin1");
    for (let index = 0; index + 1 < this.#starts.length; index += 1) {
      this.#texts[index] = text.slice(this.#starts[index], this.#starts[index + 1]);
    }
    return this.#texts;
  }

  #write(head: string): boolean {
    const former = this.#head;
    let from = 0;
    let to = head.length;
    while (from < to && head.charCodeAt(from) === former.charCodeAt(from)) from += 1;
    while (to > from && head.charCodeAt(to - 1) === former.charCodeAt(to - 1)) to -= 1;
    for (let at = from; at < to; at += 1) if (head.charCodeAt(at) > 0x7f) return false;
    if (this.#frames !== null) {
      for (const frame of this.#frames) writeAt(frame, 0, head, from, to);
    } else {
      for (let index = 0; index + 1 < this.#starts.length; index += 1) {
        writeAt(this.#octets, this.#starts[index] ?? 0, head, from, to);
      }
    }
    this.#head = head;
    return true;
  }
}

/** The beginning of each transport message whose frame begins with the head. */
export function headOnWire(wire: Wire, head: string): string {
  return wire === "sockjs" ? encodeMessage(head).slice(0, -SOCKJS_END.length) : head;
}

function writeAt(octets: Uint8Array, start: number, text: string, from: number, to: number): void {
  for (let at = from; at < to; at += 1) octets[start + at] = text.charCodeAt(at);
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
