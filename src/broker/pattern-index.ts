import { detached } from "../stomp/frame.ts";
import { type TopicPattern, TopicWords } from "./topic-pattern.ts";

/** Topics whose patterns are remembered. */
const REMEMBERED_TOPICS = 10_000;

/** Which of the subscribed patterns a topic matches; asked again for the same topic, a map lookup. */
export class PatternIndex {
  readonly #patterns = new Map<string, TopicPattern>();
  readonly #known = new Map<string, readonly string[]>();

  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  add(pattern: TopicPattern): void {
    this.#patterns.set(pattern.name, pattern);
    this.#known.clear();
  }

  remove(name: string): void {
    if (this.#patterns.delete(name)) this.#known.clear();
  }

  /** The names of the patterns that the topic matches. */
  matching(topic: string): readonly string[] {
    if (this.#patterns.size === 0) return [];
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const words = new TopicWords(topic);
    const found: string[] = [];
    for (const [name, pattern] of this.#patterns) if (pattern.matches(words)) found.push(name);
    if (this.#known.size >= REMEMBERED_TOPICS) this.#known.clear();
    this.#known.set(detached(topic), found);
    return found;
  }
}
