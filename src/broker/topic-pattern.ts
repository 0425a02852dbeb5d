import { AppError } from "../errors.ts";

/**
 * A subscription's destination with wildcards. A topic is words between `.` and `/`. In a pattern,
 * the word `*` stands for exactly one word, as in RabbitMQ, Artemis and Spring; `#` (RabbitMQ,
 * Artemis) and `**` (Spring) stand for any number of words, also none. A star within a word is a
 * star.
 *
 * The pattern's separators are the topic's: `a.*` is not `a/b`. Those beside a `#` count where the
 * topic has a word on each side: `a.#` is `a` and `a.b/c`, not `a/b`. Neighbouring `#` are one.
 */
export class TopicPattern {
  /** The words before, between and after the `#`; the outermost may be none. */
  readonly #runs: readonly Run[];
  readonly #wordCount: number;

  private constructor(
    readonly name: string,
    runs: readonly Run[],
  ) {
    this.#runs = runs;
    this.#wordCount = runs.reduce((sum, run) => sum + run.words.length, 0);
  }

  /** null without wildcards. Throws UNKNOWN_DESTINATION for one with too many. */
  static parse(name: string): TopicPattern | null {
    if (!isTopicPattern(name)) return null;
    const { words, separators } = new TopicWords(name);
    if (words.filter((word) => word === "*" || isMany(word)).length > MOST_WILDCARDS) {
      throw new AppError("UNKNOWN_DESTINATION", `A topic may have ${MOST_WILDCARDS} wildcards`);
    }
    let run: Run = { words: [], separators: [], after: "" };
    const runs = [run];
    for (const [index, word] of words.entries()) {
      const separator = separators[index] ?? "";
      if (isMany(word)) {
        if (run.words.length === 0 && runs.length > 1) continue;
        run.after = separator;
        run = { words: [], separators: [], after: "" };
        runs.push(run);
      } else {
        run.words.push(word === "*" ? null : word);
        run.separators.push(separator);
      }
    }
    return new TopicPattern(name, runs);
  }

  /**
   * Each run is taken at the first place where it fits: whether it fits depends on nothing but the
   * topic there, so an earlier place is never worse for the runs after it.
   */
  matches(topic: TopicWords): boolean {
    const [first, last] = [this.#runs[0], this.#runs.at(-1)];
    const length = topic.words.length;
    if (first === undefined || last === undefined || length < this.#wordCount) return false;
    if (first === last) return length === this.#wordCount && fits(first, topic, 0);
    const end = length - last.words.length;
    if (!fits(first, topic, 0) || !fits(last, topic, end)) return false;
    let place = first.words.length;
    for (let index = 1; index < this.#runs.length - 1; index += 1) {
      const run = this.#runs[index] ?? last;
      while (place + run.words.length <= end && !fits(run, topic, place)) place += 1;
      place += run.words.length;
      if (place > end) return false;
    }
    return true;
  }
}

/** The words of a topic, and the separator before each: none before the first. */
export class TopicWords {
  readonly words: readonly string[];
  readonly separators: readonly string[];

  constructor(topic: string) {
    const [first = "", ...rest] = topic.slice(TOPIC.length).split(/([./])/);
    const words = [first];
    const separators = [""];
    for (let index = 0; index + 1 < rest.length; index += 2) {
      separators.push(rest[index] ?? "");
      words.push(rest[index + 1] ?? "");
    }
    this.words = words;
    this.separators = separators;
  }
}

/** Does the topic's name have a wildcard? Nothing can be sent to such a one. */
export function isTopicPattern(name: string): boolean {
  if (!name.includes("*") && !name.includes("#")) return false;
  return name.startsWith(TOPIC) && WILDCARD_WORD.test(name);
}

const TOPIC = "/topic/";
const WILDCARD_WORD = /[./](?:\*\*?|#)(?![^./])/;
const MOST_WILDCARDS = 8;

/** Words without a `#` among them. */
interface Run {
  /** null is any word. */
  readonly words: (string | null)[];
  readonly separators: string[];
  /** The separator before the `#` that follows. */
  after: string;
}

function isMany(word: string): boolean {
  return word === "#" || word === "**";
}

function fits({ words, separators, after }: Run, topic: TopicWords, place: number): boolean {
  if (words.length === 0) return true;
  for (let index = 0; index < words.length; index += 1) {
    const at = place + index;
    const word = words[index];
    if (word !== null && word !== topic.words[at]) return false;
    if (at > 0 && separators[index] !== topic.separators[at]) return false;
  }
  const next = place + words.length;
  return next === topic.words.length || after === topic.separators[next];
}
