import { detached } from "../stomp/frame.ts";
import { literalPrefixesOf, type TopicPattern, TopicWords } from "./topic-pattern.ts";

/** Topics whose patterns are remembered. */
const REMEMBERED_TOPICS = 10_000;

/** Which of the subscribed patterns a topic matches; asked again for the same topic, a map lookup. */
export class PatternIndex {
  readonly #patterns = new Map<string, TopicPattern>();
  /** A topic is compared only with patterns that begin with the same literal words. */
  readonly #byPrefix = new Map<string, Set<TopicPattern>>();
  readonly #known = new Map<string, readonly string[]>();

  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  /** Under a name that is not there. */
  add(pattern: TopicPattern): void {
    this.#patterns.set(pattern.name, pattern);
    const alike = this.#byPrefix.get(pattern.literalPrefix) ?? new Set();
    this.#byPrefix.set(pattern.literalPrefix, alike.add(pattern));
    this.#known.clear();
  }

  remove(name: string): void {
    const pattern = this.#patterns.get(name);
    if (pattern === undefined) return;
    this.#patterns.delete(name);
    const alike = this.#byPrefix.get(pattern.literalPrefix);
    alike?.delete(pattern);
    if (alike?.size === 0) this.#byPrefix.delete(pattern.literalPrefix);
    this.#known.clear();
  }

  /** The names of the patterns that the topic matches. */
  matching(topic: string): readonly string[] {
    if (this.#patterns.size === 0) return [];
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    // What is remembered is of the copy: copying mends a text that is not well-formed.
    const copy = detached(topic);
    const found = this.#find(new TopicWords(copy));
    if (this.#known.size >= REMEMBERED_TOPICS) this.#known.clear();
    this.#known.set(copy, found);
    return found;
  }

  #find(topic: TopicWords): string[] {
    const found: string[] = [];
    for (const prefix of literalPrefixesOf(topic)) {
      for (const pattern of this.#byPrefix.get(prefix) ?? []) {
        if (pattern.matches(topic)) found.push(pattern.name);
      }
    }
    return found;
  }
}
