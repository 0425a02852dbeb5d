/** Texts that a store must give back as they were, with what is special about them. */
export const CONTENTS: readonly (readonly [form: string, text: string])[] = [
  ["an empty string", ""],
  ["a NUL", "before\0after"],
  ["emoji", "👩‍👩‍👧‍👦 🇩🇪 😀"],
  ["scripts of the world", "Grüße, Ελλάδα, עברית, 日本語, e\u0301"],
  ["line ends and quotes", `a\r\nb\n'c' "d" \\ ; -- %`],
  ["control characters", "\u0001\u0007\u001b\u007f\u2028\ufeff"],
];
