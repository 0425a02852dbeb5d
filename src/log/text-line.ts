interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** `12:34:56.789 INFO  Parley is ready url=http://127.0.0.1:8080`; stacks follow on lines of their own. */
export function textLine(jsonLine: string): string {
  const { level, time, msg, ...fields }: LogLine = JSON.parse(jsonLine);
  const below: string[] = [];
  const words = [localTime(new Date(time)), level.toUpperCase().padEnd(5), escaped(msg)];
  for (const [name, value] of Object.entries(fields)) {
    words.push(`${name}=${isError(value) ? errorText(value, below) : fieldText(value)}`);
  }
  return [words.join(" "), ...below].join("\n").concat("\n");
}

/** An error as `loggable` left it. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  /** Where it tells anything. */
  readonly stack?: string;
  readonly cause?: unknown;
}

function isError(value: unknown): value is PlainError {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    "message" in value &&
    ("stack" in value || "code" in value)
  );
}

function errorText(error: PlainError, below: string[]): string {
  below.push(...detailLines(error));
  for (let { cause } = error; isError(cause); cause = cause.cause) {
    below.push(`    caused by ${fieldText(`${cause.name}: ${cause.message}`)}`);
    below.push(...detailLines(cause));
  }
  return fieldText(`${error.name}: ${error.message}`);
}

function detailLines({ name, message, stack, cause, ...details }: PlainError): string[] {
  const words = Object.entries(details).map(([key, value]) => `${key}=${fieldText(value)}`);
  return [...(words.length === 0 ? [] : [`    ${words.join(" ")}`]), ...stackLines(stack)];
}

/** Only the places; name and message are told already, and may come from a client. */
function stackLines(stack = ""): string[] {
  return stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `    ${escaped(line.trim())}`);
}

function fieldText(value: unknown): string {
  if (typeof value !== "string") return escaped(JSON.stringify(value) ?? "undefined");
  const quoted = value === "" || /[\s"=\\]/.test(value);
  return escaped(quoted ? JSON.stringify(value) : value);
}

/** No text of a client may move the terminal's cursor or forge a line. */
function escaped(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function localTime(date: Date): string {
  const pad = (part: number, digits = 2) => String(part).padStart(digits, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part));
  return `${clock.join(":")}.${pad(date.getMilliseconds(), 3)}`;
}
