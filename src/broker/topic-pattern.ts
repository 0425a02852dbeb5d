import { AppError } from "../errors.ts";

/**
 * A subscription's destination with wildcards. A topic is words between `.` and `/`. In a pattern,
 * the word `*` stands for exactly one word, as in RabbitMQ, Artemis and Spring; `#` (RabbitMQ,
 * Artemis) and `**` (Spring) stand for any number of words, also none. A star within a word is a
 * star.
 *
 * The pattern's separators are the topic's: `a.*` is not `a/b`. Those beside a `#` count where the
 * topic has a word on each side: `a.#` is `a` and `a.b/c`, not `a/b`. Neighbouring `#` are one.
 *
 * Places in the pattern are the bits of a number, and all that a topic's words have led to are
 * followed at once. A word is one place; `#` is two: at one it has no word yet, at the other it has.
 * So a word of a topic costs a lookup and a few operations, whatever the pattern.
 */
export class TopicPattern {
  /** The words before the first wildcard, with the separators between them. */
  readonly literalPrefix: string;
  /** The same with the separator before the wildcard: so begins all it matches, but for itself. */
  readonly beginning: string;
  /** Words by the places where they are expected. */
  readonly #literals = new Map<string, number>();
  /** `*`, and `#` without a word: any word is taken. */
  #anyWord = 0;
  /** `#` without a word that may do without. */
  #mayBeNone = 0;
  /** `#` with a word: more may follow. */
  #mayGoOn = 0;
  #behindDot = 0;
  #behindSlash = 0;
  readonly #end: number;

  private constructor(
    readonly name: string,
    { words, separators }: TopicWords,
  ) {
    let prefix = "";
    let beginning = "";
    let isLiteral = true;
    let place = 1;
    for (const [index, word] of words.entries()) {
      const separator = separators[index] ?? "";
      isLiteral &&= !isWildcard(word);
      if (isLiteral) {
        prefix += separator + word;
        beginning = prefix + (separators[index + 1] ?? "");
      }
      if (isMany(word) && isMany(words[index - 1])) continue;
      if (separator === ".") this.#behindDot |= place;
      if (separator === "/") this.#behindSlash |= place;
      if (isWildcard(word)) this.#anyWord |= place;
      else this.#literals.set(word, (this.#literals.get(word) ?? 0) | place);
      if (isMany(word)) {
        let next = index + 1;
        while (isMany(words[next])) next += 1;
        const isInside = index > 0 && next < words.length;
        if (!isInside || separator === separators[next]) this.#mayBeNone |= place;
        place <<= 1;
        this.#mayGoOn |= place;
      }
      place <<= 1;
    }
    this.literalPrefix = prefix;
    this.beginning = beginning;
    this.#end = place;
  }

  /** null without wildcards. Throws UNKNOWN_DESTINATION for one with too many, or too many words. */
  static parse(name: string): TopicPattern | null {
    if (!isTopicPattern(name)) return null;
    const topic = new TopicWords(name);
    if (isTooLong(topic)) {
      const text = `A topic may have ${MOST_WILDCARDS} wildcards, and with them ${MOST_WORDS} words`;
      throw new AppError("UNKNOWN_DESTINATION", text);
    }
    return new TopicPattern(name, topic);
  }

  matches(topic: TopicWords): boolean {
    return this.#leadsToEnd(topic, (word) => this.#anyWord | (this.#literals.get(word) ?? 0));
  }

  /**
   * Everything that the other pattern matches, this one matches too. No more is said than is seen
   * word by word: a wildcard is covered by one that stands for as much.
   */
  covers(pattern: TopicWords): boolean {
    return this.#leadsToEnd(pattern, (word) => {
      if (isMany(word)) return this.#mayGoOn >> 1;
      return this.#anyWord | (isWildcard(word) ? 0 : (this.#literals.get(word) ?? 0));
    });
  }

  /** @param takenBy the places at which a word is taken */
  #leadsToEnd({ words, separators }: TopicWords, takenBy: (word: string) => number): boolean {
    let places = this.#withNone(1);
    for (let index = 0; index < words.length && places !== 0; index += 1) {
      const taking = takenBy(words[index] ?? "");
      const behind = separators[index] === "." ? this.#behindDot : this.#behindSlash;
      // No separator stands before the first word, whatever the pattern has there.
      const fitting = index === 0 ? places : places & behind;
      places = this.#withNone(((fitting & taking) << 1) | (places & this.#mayGoOn));
    }
    return (places & this.#end) !== 0;
  }

  /** The places, and those behind a `#` that takes no word, or no more. No two `#` are neighbours. */
  #withNone(places: number): number {
    return places | ((places & this.#mayBeNone) << 2) | ((places & this.#mayGoOn) << 1);
  }
}

/** More wildcards, or more words, than a pattern may have. */
export function isTooLong({ words }: TopicWords): boolean {
  return words.length > MOST_WORDS || words.filter(isWildcard).length > MOST_WILDCARDS;
}

/** The literal prefixes of the patterns that may match the topic, each once. */
export function literalPrefixesOf({ words, separators }: TopicWords): string[] {
  const prefixes = [""];
  let prefix = "";
  for (let index = 0; index < words.length && index < MOST_WORDS; index += 1) {
    prefix += `${separators[index]}${words[index]}`;
    if (prefix !== "") prefixes.push(prefix);
  }
  return prefixes;
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
/** Of a pattern: its places, one more for each `#` and one for the end, are bits of one number. */
const MOST_WILDCARDS = 8;
const MOST_WORDS = 20;

function isWildcard(word: string): boolean {
  return word === "*" || isMany(word);
}

function isMany(word: string | undefined): boolean {
  return word === "#" || word === "**";
}
