/** What must never reach a log: credentials, and what people write to each other. */
const CREDENTIAL = /(?:token|secret|authorization|passcode|cookie|password)s?$/i;
const MESSAGE_TEXT = /^(?:content|body)$/i;
const REDACTED = "[redacted]";
const DEEPEST = 6;

/** `fields` as plain JSON values: redacted, errors and bytes made readable, cycles cut. */
export function loggable(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return plainObject(fields, []);
}

function plain(value: unknown, parents: readonly object[]): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (parents.includes(value)) return "[circular]";
  if (parents.length >= DEEPEST) return "[too deep]";
  if (Array.isArray(value)) {
    const within = [...parents, value];
    return value.map((item) => plain(item, within));
  }
  if (value instanceof Error) return plainError(value, parents);
  if (value instanceof Map) return plainObject(Object.fromEntries(value), parents);
  if (value instanceof Set) return plain([...value], parents);
  if (value instanceof URL) return value.href;
  return plainObject(value, parents);
}

function plainObject(value: object, parents: readonly object[]): Record<string, unknown> {
  const within = [...parents, value];
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const redacted = item !== undefined && (CREDENTIAL.test(name) || MESSAGE_TEXT.test(name));
    result[name] = redacted ? REDACTED : plain(item, within);
  }
  return result;
}

/** Own properties such as `code` and `syscall` are told beside the four of every error. */
function plainError(error: Error, parents: readonly object[]): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    ...plainObject(error, parents),
    name,
    message,
    stack,
    ...(cause === undefined ? {} : { cause: plain(cause, [...parents, error]) }),
  };
}
