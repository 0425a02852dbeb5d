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
  return match(wordsOf(pattern), wordsOf(topic));
}

function match([token, ...tokens]: readonly Word[], words: readonly Word[]): boolean {
  const [word, ...rest] = words;
  if (token === undefined) return word === undefined;
  const isMany = MANY.includes(token.text);
  if (isMany && match(tokens, words)) return true;
  // The topic's first word has no separator before it: any will do.
  if (word === undefined) return false;
  if (word.separator !== "" && word.separator !== token.separator) return false;
  if (!isMany) return (token.text === "*" || token.text === word.text) && match(tokens, rest);
  return words.some((_, index) => match(tokens, words.slice(index + 1)));
}

function wordsOf(topic: string): Word[] {
  const parts = topic.slice("/topic/".length).split(/([./])/);
  return parts.flatMap((text, index) =>
    index % 2 === 0 ? [{ text, separator: parts[index - 1] ?? "" }] : [],
  );
}
