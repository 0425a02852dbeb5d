import { AppError } from "../errors.ts";

const TOPIC = "/topic/";

/** Wildcards of a pattern. */
const MOST_WILDCARDS = 8;

export interface Word {
  /** What stands before it: `.`, `/`, or nothing before the first. */
  readonly separator: string;
  readonly text: string;
}

type Token =
  | { readonly kind: "word"; readonly separator: string; readonly text: string }
  /** `*`: one word. */
  | { readonly kind: "one"; readonly separator: string }
  /** `#` or `**`: any number of words. */
  | { readonly kind: "many"; readonly separator: string };

/**
 * A subscription's destination with wildcards. A topic is words between `.` and `/`. In a pattern,
 * the word `*` stands for exactly one word, as in RabbitMQ, Artemis and Spring; `#` (RabbitMQ,
 * Artemis) and `**` (Spring) stand for any number of words, also none. Each word brings the
 * separator before it, so `a.*` is not `a/b`; in what `#` stands for, the first one does. A star
 * within a word is a star.
 */
export class TopicPattern {
  readonly name: string;
  readonly #tokens: readonly Token[];

  private constructor(name: string, tokens: readonly Token[]) {
    this.name = name;
    this.#tokens = tokens;
  }

  /** null without wildcards. Throws UNKNOWN_DESTINATION for one with too many. */
  static parse(name: string): TopicPattern | null {
    if (!mayBePattern(name)) return null;
    const tokens = wordsOf(name).map(tokenOf);
    const wildcards = tokens.filter(({ kind }) => kind !== "word").length;
    if (wildcards === 0) return null;
    if (wildcards > MOST_WILDCARDS) {
      throw new AppError("UNKNOWN_DESTINATION", `A topic may have ${MOST_WILDCARDS} wildcards`);
    }
    return new TopicPattern(name, tokens);
  }

  /**
   * Of the words of a topic. Follows all ways of matching at once; besides the wildcards, each way is at one place, so time
   * grows with the topic's words and the pattern's wildcards.
   */
  matches(words: readonly Word[]): boolean {
    if (!this.#mayMatch(words)) return false;
    /** Tokens that come next. */
    let next = this.#withSkipped(new Set([0]));
    /** `#` tokens that have begun to cover words. */
    let covering = new Set<number>();
    for (const [index, word] of words.entries()) {
      const reached = new Set<number>();
      const covered = new Set(covering);
      for (const at of next) {
        const token = this.#tokens[at];
        if (token === undefined || !takes(token, word, index)) continue;
        if (token.kind === "many") covered.add(at);
        else reached.add(at + 1);
      }
      if (covered.has(this.#tokens.length - 1)) return true; // It covers what is left.
      for (const at of covered) reached.add(at + 1);
      if (reached.size + covered.size === 0) return false;
      next = this.#withSkipped(reached);
      covering = covered;
    }
    return next.has(this.#tokens.length);
  }

  /** A first or last word that is no wildcard stands for itself, which is soon seen. */
  #mayMatch(words: readonly Word[]): boolean {
    const isAt = (token: Token | undefined, word: Word | undefined) =>
      token?.kind !== "word" || token.text === word?.text;
    return isAt(this.#tokens[0], words[0]) && isAt(this.#tokens.at(-1), words.at(-1));
  }

  /** A `#` may stand for nothing. */
  #withSkipped(places: Set<number>): Set<number> {
    for (const at of places) if (this.#tokens[at]?.kind === "many") places.add(at + 1);
    return places;
  }
}

/** Does the topic's name have a wildcard? Nothing can be sent to such a one. */
export function isTopicPattern(name: string): boolean {
  return mayBePattern(name) && wordsOf(name).some((word) => tokenOf(word).kind !== "word");
}

function mayBePattern(name: string): boolean {
  return name.startsWith(TOPIC) && (name.includes("*") || name.includes("#"));
}

/** Those of a topic, or of a pattern. */
export function wordsOf(topic: string): Word[] {
  const words: Word[] = [];
  let separator = "";
  let from = TOPIC.length;
  for (let at = from; at <= topic.length; at += 1) {
    const character = topic[at];
    if (character !== "." && character !== "/" && character !== undefined) continue;
    words.push({ separator, text: topic.slice(from, at) });
    separator = character ?? "";
    from = at + 1;
  }
  return words;
}

function tokenOf({ separator, text }: Word): Token {
  if (text === "*") return { kind: "one", separator };
  if (text === "#" || text === "**") return { kind: "many", separator };
  return { kind: "word", separator, text };
}

/** The topic's first word has no separator, so a token behind a `#` for nothing takes it with any. */
function takes(token: Token, word: Word, index: number): boolean {
  if (index > 0 && token.separator !== word.separator) return false;
  return token.kind !== "word" || token.text === word.text;
}
