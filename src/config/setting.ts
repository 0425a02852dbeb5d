import { z } from "zod";

export type SettingKind = "text" | "integer" | "boolean" | "choice" | "list";

/** What help, documentation and error messages say of one setting. */
export interface SettingTraits {
  readonly kind: SettingKind;
  readonly description: string;
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** As it is written in help; "" when there is none. */
  readonly defaultText: string;
  /** The value is never printed, neither in errors nor in logs. */
  readonly secret: boolean;
  /** A variable by which other programs are told the same; the setting's own goes first. */
  readonly standardVariable?: string;
}

/** The traits of every leaf of the schema, keyed by the leaf itself. */
export const settingTraits = z.registry<SettingTraits>();

/** `setTimeout` takes no longer delay. */
const LONGEST_DELAY_MS = 2_147_483_647;

interface Check {
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
}

/** [RFC 9110 §5.6.2] */
export function isHeaderName(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~\w]+$/.test(text);
}

export function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol);
}

export function text(fallback: string, description: string, check: Partial<Check> = {}) {
  const { accepts = () => true, expected = "any text that is not empty" } = check;
  return z
    .string()
    .min(1)
    .refine(accepts, { message: expected })
    .default(fallback)
    .register(settingTraits, {
      kind: "text",
      description,
      expected,
      defaultText: fallback,
      secret: false,
    });
}

export function optionalText(
  description: string,
  options: Partial<Check> &
    Partial<Pick<SettingTraits, "secret" | "defaultText" | "standardVariable">> = {},
) {
  const { accepts = () => true, expected = "any text that is not empty" } = options;
  const { standardVariable } = options;
  return z
    .string()
    .min(1)
    .refine(accepts, { message: expected })
    .optional()
    .register(settingTraits, {
      kind: "text",
      description,
      expected,
      defaultText: options.defaultText ?? "",
      secret: options.secret ?? false,
      ...(standardVariable !== undefined && { standardVariable }),
    });
}

/** `range` as `integer` has it; what its absence means belongs in the description. */
export function optionalInteger(
  range: { readonly min: number; readonly max: number },
  description: string,
  defaultText = "",
) {
  return z
    .int()
    .min(range.min)
    .max(range.max)
    .optional()
    .register(settingTraits, {
      kind: "integer",
      description,
      expected: `a whole number from ${range.min} to ${range.max}`,
      defaultText,
      secret: false,
    });
}

export function integer(
  fallback: number,
  range: { readonly min: number; readonly max: number },
  description: string,
  noun = "a whole number",
) {
  return z
    .int()
    .min(range.min)
    .max(range.max)
    .default(fallback)
    .register(settingTraits, {
      kind: "integer",
      description,
      expected: `${noun} from ${range.min} to ${range.max}`,
      defaultText: String(fallback),
      secret: false,
    });
}

/** A time in milliseconds. */
export function delayMs(fallback: number, minMs: number, description: string) {
  const range = { min: minMs, max: LONGEST_DELAY_MS };
  return integer(fallback, range, description, "milliseconds");
}

export function boolean(fallback: boolean, description: string) {
  return z
    .boolean()
    .default(fallback)
    .register(settingTraits, {
      kind: "boolean",
      description,
      expected: "true or false",
      defaultText: String(fallback),
      secret: false,
    });
}

export function choice<const Value extends string>(
  values: readonly Value[],
  fallback: NoInfer<Value>,
  description: string,
) {
  return z
    .enum(values)
    .default(() => fallback)
    .register(settingTraits, {
      kind: "choice",
      description,
      expected: `one of ${values.join(", ")}`,
      defaultText: fallback,
      secret: false,
    });
}

export function list(
  description: string,
  check: Check & { readonly secret?: boolean; readonly fallback?: readonly string[] },
) {
  const { fallback = [] } = check;
  return z
    .array(z.string().refine(check.accepts, { message: check.expected }))
    .default([...fallback])
    .register(settingTraits, {
      kind: "list",
      description,
      expected: check.expected,
      defaultText: fallback.join(","),
      secret: check.secret ?? false,
    });
}
