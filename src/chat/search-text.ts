/**
 * The words of texts, as search knows them: one and the same for what is indexed, for what is asked,
 * and for what is found, over every store.
 */

/** A word of a text, folded: without case and diacritics. */
export interface Word {
  readonly text: string;
  /** Where it stands, in UTF-16 code units: from `start` up to `end`. */
  readonly start: number;
  readonly end: number;
}

/** What is asked for: texts in which each of the phrases stands. */
export interface SearchTerms {
  /** Folded words that follow each other; at least one phrase, none empty. */
  readonly phrases: readonly (readonly string[])[];
  /** The last word of the last phrase may be the beginning of one. */
  readonly isOpen: boolean;
}

/** How a text answers what is asked. */
export interface TextMatch {
  /** What was found, ascending: from, up to, in UTF-16 code units. They do not overlap. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
  /** Higher where the text is more about what is asked. */
  readonly relevance: number;
}

export const MOST_TERMS = 16;
/** In all phrases together: of scripts without spaces, each character is one. */
const MOST_WORDS = 64;
/** Of one phrase, in one text. */
const MOST_OCCURRENCES = 32;
/** Characters of a word that may go on, at least. */
const SHORTEST_BEGINNING = 3;
/** A word that is longer is cut there: it is none of a language's. */
const LONGEST_WORD = 64;

/**
 * Of scripts that set no spaces, each character is a word, and what is looked for a phrase of them.
 * Marks belong to the letters before them.
 */
const WORD =
  /[[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]&&[\p{L}\p{N}]]\p{M}*|[[\p{L}\p{N}\p{M}]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]]+/gv;
const DIACRITICS = /[\u0300-\u036f]/g;
const NO_PART_OF_WORDS = /[^\p{L}\p{N}\p{M}]/gu;
const PLAIN = /^[a-z0-9]*$/;

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const { 0: found, index } of text.matchAll(WORD)) {
    const folded = fold(found);
    if (folded !== "") words.push({ text: folded, start: index, end: index + found.length });
  }
  return words;
}

function fold(word: string): string {
  const lower = word.toLowerCase();
  const plain = PLAIN.test(lower)
    ? lower
    : lower
        .normalize("NFKD")
        .toLowerCase() // Again, of what is compatible with capitals.
        .replace(DIACRITICS, "")
        .normalize("NFC")
        .replaceAll("ς", "σ")
        .replace(NO_PART_OF_WORDS, "");
  return plain.length > LONGEST_WORD ? plain.slice(0, LONGEST_WORD).toWellFormed() : plain;
}

/**
 * What a user typed: words, all of which must be there, and phrases in quotation marks. The last
 * word, unless it is short or in quotation marks, may go on. null: there is no word in it, or too many.
 */
export function parseTerms(text: string): SearchTerms | null {
  const phrases: string[][] = [];
  let isOpen = false;
  for (const [, quoted, plain] of text.matchAll(/"([^"]*)"|([^\s"]+)/g)) {
    const words = wordsOf(quoted ?? plain ?? "").map((word) => word.text);
    if (words.length === 0) continue;
    const key = words.join(" ");
    const known = phrases.findIndex((phrase) => phrase.join(" ") === key);
    if (known !== -1) phrases.splice(known, 1);
    phrases.push(words);
    isOpen = quoted === undefined && [...(words.at(-1) ?? "")].length >= SHORTEST_BEGINNING;
  }
  const isTooMuch = phrases.length > MOST_TERMS || phrases.flat().length > MOST_WORDS;
  return phrases.length === 0 || isTooMuch ? null : { phrases, isOpen };
}

/** null: the text does not answer what is asked. */
export function matchText({ phrases, isOpen }: SearchTerms, text: string): TextMatch | null {
  const words = wordsOf(text);
  const ranges: [start: number, end: number][] = [];
  let relevance = 0;
  for (const [at, phrase] of phrases.entries()) {
    const mayGoOn = isOpen && at === phrases.length - 1;
    const found = occurrences(words, phrase, mayGoOn);
    if (found.length === 0) return null;
    let best = 0;
    for (const { range, isWhole } of found) {
      ranges.push(range);
      best = Math.max(best, isWhole ? 2 : 1);
    }
    // What is said again counts less and less.
    relevance += phrase.length * best * (1 + Math.log(found.length));
  }
  ranges.sort(([a], [b]) => a - b);
  // A short text that says it is about it.
  return { ranges: merged(ranges), relevance: relevance / Math.log(words.length + 9) };
}

interface Occurrence {
  readonly range: [start: number, end: number];
  /** Its last word is the one that was asked for, not one that begins with it. */
  readonly isWhole: boolean;
}

function occurrences(
  words: readonly Word[],
  phrase: readonly string[],
  mayGoOn: boolean,
): Occurrence[] {
  const found: Occurrence[] = [];
  const last = phrase.length - 1;
  for (let first = 0; first + last < words.length; first += 1) {
    if (found.length === MOST_OCCURRENCES) break;
    const isThere = phrase.every((asked, offset) => {
      const word = words[first + offset]?.text;
      return word === asked || (mayGoOn && offset === last && word?.startsWith(asked) === true);
    });
    const [start, end] = [words[first], words[first + last]];
    if (!isThere || start === undefined || end === undefined) continue;
    found.push({ range: [start.start, end.end], isWhole: end.text === phrase[last] });
  }
  return found;
}

function merged(ranges: readonly [start: number, end: number][]): [start: number, end: number][] {
  const whole: [start: number, end: number][] = [];
  for (const [start, end] of ranges) {
    const before = whole.at(-1);
    if (before !== undefined && start < before[1]) before[1] = Math.max(before[1], end);
    else whole.push([start, end]);
  }
  return whole;
}

/** A part of a text around what was found first in it. */
export interface Excerpt {
  readonly text: string;
  /** What was found, in the excerpt: from, up to, in UTF-16 code units. */
  readonly highlights: readonly (readonly [start: number, end: number])[];
}

const BEFORE_FIRST = 40;
const LONGEST_EXCERPT = 160;
const CUT = "…";

export function excerptOf(text: string, ranges: TextMatch["ranges"]): Excerpt {
  if (text.length <= LONGEST_EXCERPT) return { text, highlights: ranges };
  const from = beginning(text, (ranges[0]?.[0] ?? 0) - BEFORE_FIRST);
  const upto = ending(text, from + LONGEST_EXCERPT);
  const before = from === 0 ? "" : CUT;
  const shift = before.length - from;
  const within = ranges
    .filter(([start, end]) => start < upto && end > from)
    .map(([start, end]) => [Math.max(start, from), Math.min(end, upto)] as const);
  return {
    text: before + text.slice(from, upto) + (upto === text.length ? "" : CUT),
    highlights: within.map(([start, end]) => [start + shift, end + shift] as const),
  };
}

/** Where a word begins, at `at` or soon after. */
function beginning(text: string, at: number): number {
  if (at <= 0) return 0;
  const space = text.slice(at, at + BEFORE_FIRST / 2).search(/\s/);
  return space === -1 ? between(text, at) : at + space + 1;
}

/** Where a word ends, at `at` or shortly before. */
function ending(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const part = text.slice(at - BEFORE_FIRST / 2, at);
  const space = part.search(/\s\S*$/);
  return space === -1 ? between(text, at) : at - part.length + space;
}

/** Not in the middle of a character. */
function between(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at + 1 : at;
}
