import { AppError } from "../errors.ts";
import type { Redaction } from "./redaction.ts";

/** What must never reach a log: credentials, and what people write to each other. */
const CREDENTIAL = /(?:token|secret|authorization|passcode|cookie|password)s?$/i;
const MESSAGE_TEXT = /^(?:content|body)$/i;
const REDACTED = "[redacted]";
const DEEPEST = 6;

/**
 * `fields` as plain JSON values: redacted by their names and in their texts, errors and bytes made
 * readable, cycles cut.
 */
export function loggable(
  fields: Readonly<Record<string, unknown>>,
  redaction: Redaction,
): Record<string, unknown> {
  return new Plain(redaction).object(fields, []);
}

class Plain {
  readonly #redaction: Redaction;

  constructor(redaction: Redaction) {
    this.#redaction = redaction;
  }

  object(value: object, parents: readonly object[]): Record<string, unknown> {
    const within = [...parents, value];
    const result: Record<string, unknown> = {};
    for (const [name, item] of Object.entries(value)) {
      const redacted = item !== undefined && (CREDENTIAL.test(name) || MESSAGE_TEXT.test(name));
      result[this.#redaction.text(name)] = redacted ? REDACTED : this.#value(item, within);
    }
    return result;
  }

  #value(value: unknown, parents: readonly object[]): unknown {
    if (typeof value === "bigint") return value.toString();
    if (typeof value === "string") return this.#redaction.text(value);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (parents.includes(value)) return "[circular]";
    if (parents.length >= DEEPEST) return "[too deep]";
    if (Array.isArray(value)) {
      const within = [...parents, value];
      return value.map((item) => this.#value(item, within));
    }
    if (value instanceof Error) return this.#error(value, parents);
    if (value instanceof Map) return this.object(Object.fromEntries(value), parents);
    if (value instanceof Set) return this.#value([...value], parents);
    if (value instanceof URL) return this.#redaction.text(value.href);
    return this.object(value, parents);
  }

  /** Own properties such as `code` and `syscall` are told beside the four of every error. */
  #error(error: Error, parents: readonly object[]): Record<string, unknown> {
    const { name, message, stack, cause } = error;
    const isWithin = parents.some((parent) => parent instanceof AppError && isExpected(parent));
    const isPlain = isWithin || (error instanceof AppError && isExpected(error));
    return {
      ...this.object(error, parents),
      ...(error instanceof AppError && isEmpty(error.details) ? { details: undefined } : {}),
      name: this.#redaction.text(name),
      message: this.#redaction.text(message),
      ...(isPlain ? {} : { stack: this.#redaction.text(stack ?? "") }),
      ...(cause === undefined ? {} : { cause: this.#value(cause, [...parents, error]) }),
    };
  }
}

/**
 * What an operator may meet, such as a database that is away: it and its causes say by their codes
 * what is wrong, and where in the program that was found out is of no use.
 */
function isExpected(error: Error, causes = 0): boolean {
  if (!("code" in error) || error.code === undefined || error.code === "INTERNAL") return false;
  const { cause } = error;
  return cause instanceof Error ? causes < DEEPEST && isExpected(cause, causes + 1) : true;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
