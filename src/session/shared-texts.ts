import { detached } from "../stomp/frame.ts";

const MOST_TEXTS = 1_024;
/** Longer ones are hardly the same for many. */
const LONGEST = 32;

/**
 * Short texts that many connections keep, as the ids that one library gives its subscriptions: one
 * copy for all of them. Bounded: when clients choose too many different ones, it begins anew.
 */
export class SharedTexts {
  readonly #texts = new Map<string, string>();

  /** How many are remembered. */
  get size(): number {
    return this.#texts.size;
  }

  /** The same text; nothing of the frame that it came in is kept alive by it. */
  of(text: string): string {
    if (text.length > LONGEST) return detached(text);
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = detached(text);
    if (this.#texts.size >= MOST_TEXTS) this.#texts.clear();
    this.#texts.set(copy, copy);
    return copy;
  }
}
