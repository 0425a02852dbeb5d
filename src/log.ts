import pino from "pino";
import { loggable } from "./log/fields.ts";
import { textLine } from "./log/text-line.ts";
import { writeStdout } from "./log/write.ts";

export { writeStderr, writeStdout } from "./log/write.ts";

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Fields are logged as they are, but for errors (name, message, stack, cause) and for what is
 * named like a secret or a message's text, which is redacted at every depth.
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
}

export function createLog(options: LogOptions): ProcessLog {
  const { level, now = Date.now, write = writeStdout } = options;
  const { isTerminal = process.stdout.isTTY === true } = options;
  const asText = options.format === "text" || (options.format === "auto" && isTerminal);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: asText ? (line: string) => write(textLine(line)) : write },
  );
  return {
    ...wrap(logger),
    fatal: (fields, message) => logger.fatal(loggable(fields), message),
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

function wrap(logger: pino.Logger): Log {
  return {
    debug: (fields, message) => {
      if (logger.isLevelEnabled("debug")) logger.debug(loggable(fields), message);
    },
    info: (fields, message) => {
      if (logger.isLevelEnabled("info")) logger.info(loggable(fields), message);
    },
    warn: (fields, message) => logger.warn(loggable(fields), message),
    error: (fields, message) => logger.error(loggable(fields), message),
    child: (fields) => wrap(logger.child(loggable(fields))),
  };
}
