/** A member who may be named. */
export interface Nameable {
  readonly userId: string;
  readonly name: string;
}

/** The beginning of a name behind an `@`, before the caret. */
export interface MentionStart {
  /** Where the `@` stands. */
  readonly start: number;
  readonly typed: string;
}

const OFFERED = 6;
/** As many as the server takes. */
const MOST_MENTIONS = 100;

const WORD = /[\p{L}\p{N}_]/u;

/** null: no name is being written. */
export function mentionStart(text: string, caret: number): MentionStart | null {
  const typed = /(?:^|[\s(])@([^\s@]{0,64})$/.exec(text.slice(0, caret))?.[1];
  return typed === undefined ? null : { start: caret - typed.length - 1, typed };
}

/** Who is offered for what is typed: those whose name begins with it, then those with such a word. */
export function offered(members: readonly Nameable[], typed: string): Nameable[] {
  const wanted = typed.toLowerCase();
  const rankOf = ({ userId, name }: Nameable): number => {
    const names = [name.toLowerCase(), userId.toLowerCase()];
    if (names.some((each) => each.startsWith(wanted))) return 0;
    return names.some((each) => each.split(/[\s._-]+/).some((word) => word.startsWith(wanted)))
      ? 1
      : 2;
  };
  return members
    .map((member) => ({ member, rank: rankOf(member) }))
    .filter(({ rank }) => rank < 2)
    .sort((one, other) => one.rank - other.rank || one.member.name.localeCompare(other.member.name))
    .slice(0, OFFERED)
    .map(({ member }) => member);
}

/** Ids of the members whom the text names. Of several with one name those count who were picked. */
export function namedIn(
  text: string,
  members: readonly Nameable[],
  picked: ReadonlySet<string>,
): string[] {
  const names = new Set(
    mentionParts(
      text,
      members.map(({ name }) => name),
    ).flatMap((part) => (typeof part === "string" ? [] : part.name)),
  );
  return [...names]
    .flatMap((name) => {
      const namesakes = members.filter((member) => member.name === name);
      const chosen = namesakes.filter(({ userId }) => picked.has(userId));
      return chosen.length > 0 ? chosen : namesakes;
    })
    .map(({ userId }) => userId)
    .slice(0, MOST_MENTIONS);
}

/** The same of the new text of a message: of those whom it named before, who is not known here stays. */
export function namedInEdit(
  text: string,
  members: readonly Nameable[],
  picked: ReadonlySet<string>,
  before: readonly string[],
): string[] {
  const known = new Set(members.map(({ userId }) => userId));
  const named = namedIn(text, members, new Set([...before, ...picked]));
  return [...before.filter((userId) => !known.has(userId)), ...named].slice(0, MOST_MENTIONS);
}

export type MentionPart = string | { readonly start: number; readonly name: string };

/** The text in parts, each `@` with one of the names behind it by itself; the longest name counts. */
export function mentionParts(text: string, names: readonly string[]): MentionPart[] {
  const longestFirst = names
    .filter((name) => name !== "")
    .sort((one, other) => other.length - one.length);
  const parts: MentionPart[] = [];
  let end = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (at < end || WORD.test(text[at - 1] ?? "")) continue;
    const name = longestFirst.find(
      (each) => text.startsWith(each, at + 1) && !WORD.test(text[at + 1 + each.length] ?? ""),
    );
    if (name === undefined) continue;
    if (at > end) parts.push(text.slice(end, at));
    parts.push({ start: at, name });
    end = at + 1 + name.length;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}
