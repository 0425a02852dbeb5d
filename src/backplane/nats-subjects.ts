/** A word of a subject that has no characters: NATS knows none. */
const EMPTY = "%";

/** A channel's name as NATS takes it: words between dots, without blanks and wildcards. */
export function subjectOf(channel: string): string {
  return channel.split(".").map(wordOf).join(".");
}

/** Where everything comes whose channel begins so, and maybe more: subjects are matched by words. */
export function prefixSubject(prefix: string): string {
  const words = prefix.split(".").slice(0, -1).map(wordOf);
  return [...words, ">"].join(".");
}

/** The channel of a subject that `subjectOf` has made. */
export function channelOf(subject: string): string {
  const words = subject.split(".");
  return words.map((word) => (word === EMPTY ? "" : decodeURIComponent(word))).join(".");
}

function wordOf(text: string): string {
  if (text === "") return EMPTY;
  return text.replace(/[%*>\s\p{Cc}]/gu, (character) => {
    // What the platform leaves as it is means something to NATS.
    const encoded = encodeURIComponent(character);
    if (encoded !== character) return encoded;
    return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
