import type { Random } from "../../fuzz/random.ts";

/** Escapes, surrogate pairs and text of more than one byte, so that a wrong length shows. */
const ALPHABET = 'abcdefghij klmnopqrstuvwxyz "\\/\n\t0123456789 äöüß€ 漢字 🙂';
const FILLER = ALPHABET.repeat(1_200);

/** Mostly chat, sometimes a letter, now and then a small file. */
const SIZES = [
  [85, 20, 200],
  [13, 1_000, 4_000],
  [2, 16_000, 32_000],
] as const;

/** Unique, since it begins with the message's own name; of some length, or of a usual one. */
export function contentOf(clientMessageId: string, random: Random, length?: number): string {
  const [, least, most] = random.weighted(SIZES.map((size) => [size[0], size] as const));
  const filling = length ?? random.between(least, most);
  const from = random.below(FILLER.length - filling);
  return `${clientMessageId}: ${FILLER.slice(from, from + filling)}`.toWellFormed();
}

export function digestOf(content: string): string {
  return Bun.hash(content).toString(36);
}
