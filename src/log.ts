import pino from "pino";
import { loggable } from "./log/fields.ts";
import { Redaction } from "./log/redaction.ts";
import { textLine } from "./log/text-line.ts";
import { writeStdout } from "./log/write.ts";

export { writeStderr, writeStdout } from "./log/write.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Fields are logged as they are, but for errors (name, message, stack, cause) and for what is
 * named like a secret or a message's text, which is redacted at every depth. In all texts, messages
 * too, tokens and e-mail addresses are.
 */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log that adds `fields` to each of its lines. */
  child(fields: LogFields): Log;
}

/** The log of the process, which alone may say why the process ends. */
export interface ProcessLog extends Log {
  fatal(fields: LogFields, message: string): void;
}

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LogOptions {
  readonly level: LogLevel;
  /** `auto` is `text` on a terminal, `json` elsewhere. */
  readonly format: "auto" | "json" | "text";
  readonly isTerminal?: boolean;
  /** Takes whole lines, in order, before the logging call returns. */
  readonly write?: (lines: string) => void;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** What e-mail addresses are replaced by depends on it; random if it is not given. */
  readonly salt?: string;
  /** In each line. */
  readonly fields?: LogFields;
}

export function createLog(options: LogOptions): ProcessLog {
  const { level, now = Date.now, write = writeStdout } = options;
  const { isTerminal = process.stdout.isTTY === true } = options;
  const asText = options.format === "text" || (options.format === "auto" && isTerminal);
  const logger = pino(
    {
      level,
      base: options.fields ?? null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // `loggable` has made it plain.
      serializers: { err: (err: unknown) => err },
    },
    { write: asText ? (line: string) => write(textLine(line)) : write },
  );
  const redaction = new Redaction(options.salt);
  return {
    ...wrap(logger, redaction),
    fatal: (fields, message) => logger.fatal(loggable(fields, redaction), redaction.text(message)),
  };
}

/** Says nothing. For tests. */
export const silentLog: ProcessLog = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  child: () => silentLog,
};

function wrap(logger: pino.Logger, redaction: Redaction): Log {
  const at = (level: "debug" | "info" | "warn" | "error") => (fields: LogFields, text: string) => {
    if (!logger.isLevelEnabled(level)) return;
    logger[level](loggable(fields, redaction), redaction.text(text));
  };
  return {
    ...{ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    child: (fields) => wrap(logger.child(loggable(fields, redaction)), redaction),
  };
}
