import { type Usage, usageSchema } from "../nodes/samples.ts";

const KEYS = usageSchema.keyof().options;

/** Each figure made of those of the same name. */
function combine(of: (key: keyof Usage) => number): Usage {
  return usageSchema.parse(Object.fromEntries(KEYS.map((key) => [key, of(key)])));
}

export const NO_USAGE = combine(() => 0);

export function sum(...usages: readonly Usage[]): Usage {
  return combine((key) => usages.reduce((all, usage) => all + usage[key], 0));
}

export function times(usage: Usage, factor: number): Usage {
  return combine((key) => usage[key] * factor);
}

/** How much more it is; what is less, as measuring has it, counts as nothing more. */
export function excess(usage: Usage, over: Usage): Usage {
  return combine((key) => Math.max(0, usage[key] - over[key]));
}

/** Throws without any. */
export function mean(usages: readonly Usage[]): Usage {
  if (usages.length === 0) throw new RangeError("There is nothing to take the mean of");
  return times(sum(...usages), 1 / usages.length);
}
