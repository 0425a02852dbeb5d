/** What others have written, made fit to stand in a line of somebody's e-mail. */

const BREAKS = /[\p{Cc}\p{Zl}\p{Zp}\s]+/gu;
/** They would turn around what stands beside them. */
const DIRECTION_CONTROLS = /\p{Bidi_Control}/gu;
/** So much of a text is looked at, for each code unit that is wanted. */
const LOOKED_AT = 8;
/** Rather than within a word, a text is cut so much earlier. */
const LONGEST_WORD = 24;

const characters = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * The beginning of a text, as well-formed Unicode in one line without control characters; "" where
 * nothing is left. What is cut off is told by `…`.
 *
 * @param most UTF-16 code units; what a reader takes for a character is not torn
 */
export function oneLine(text: string, most: number): string {
  const line = text
    .slice(0, most * LOOKED_AT)
    .toWellFormed()
    .replace(DIRECTION_CONTROLS, "")
    .replace(BREAKS, " ")
    .trim();
  const isWhole = text.length <= most * LOOKED_AT;
  if (line.length <= most) return isWhole || line === "" ? line : `${line}…`;
  let end = 0;
  for (const { index, segment } of characters.segment(line)) {
    if (index + segment.length > most) break;
    end = index + segment.length;
  }
  const space = line.lastIndexOf(" ", end);
  const isNear = space > Math.max(0, end - LONGEST_WORD);
  return `${line.slice(0, isNear ? space : end).trimEnd()}…`;
}
