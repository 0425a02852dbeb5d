/** Wildcards in topics, by trying out everything. */
interface Word {
  /** What stands before it; nothing before the first. */
  readonly separator: string;
  readonly text: string;
}

const MANY = ["#", "**"];

/** How many of the topic's words are wildcards. */
export function wildcardsIn(topic: string): number {
  return wordsOf(topic).filter(({ text }) => text === "*" || MANY.includes(text)).length;
}

export function isMatch(pattern: string, topic: string): boolean {
  return match(merged(wordsOf(pattern)), wordsOf(topic), "");
}

/** Neighbouring `#` are one. */
function merged(tokens: readonly Word[]): Word[] {
  return tokens.filter((token, index) => !isMany(token) || !isMany(tokens[index - 1]));
}

function isMany(token: Word | undefined): boolean {
  return token !== undefined && MANY.includes(token.text);
}

/** `before` stands before a `#` that stood for nothing; it counts if a word comes. */
function match(
  [token, ...tokens]: readonly Word[],
  words: readonly Word[],
  before: string,
): boolean {
  const [word, ...rest] = words;
  if (token === undefined) return word === undefined;
  if (isMany(token)) {
    if (match(tokens, words, token.separator)) return true;
    if (word === undefined || !agree(word.separator, token.separator)) return false;
    return words.some((_, index) => match(tokens, words.slice(index + 1), ""));
  }
  if (word === undefined || (token.text !== "*" && token.text !== word.text)) return false;
  const { separator } = word;
  if (!agree(separator, token.separator) || !agree(separator, before)) return false;
  return match(tokens, rest, "");
}

/** There is none before the first word of a topic, and none before a pattern's. */
function agree(separator: string, expected: string): boolean {
  return separator === "" || expected === "" || separator === expected;
}

function wordsOf(topic: string): Word[] {
  const parts = topic.slice("/topic/".length).split(/([./])/);
  return parts.flatMap((text, index) =>
    index % 2 === 0 ? [{ text, separator: parts[index - 1] ?? "" }] : [],
  );
}
