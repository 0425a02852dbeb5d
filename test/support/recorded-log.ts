import type { Log, LogFields } from "../../src/log.ts";

export interface RecordedLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: LogFields;
  readonly message: string;
}

/** Keeps its lines. */
export class RecordedLog implements Log {
  readonly lines: RecordedLine[] = [];
  readonly debug = this.#at("debug");
  readonly info = this.#at("info");
  readonly warn = this.#at("warn");
  readonly error = this.#at("error");

  child(): Log {
    return this;
  }

  /** `level: message`, and every number of milliseconds as `N ms`. */
  get texts(): string[] {
    return this.lines.map(({ level, message }) => `${level}: ${message}`.replace(/\d+ ms/, "N ms"));
  }

  #at(level: RecordedLine["level"]) {
    return (fields: LogFields, message: string) => {
      this.lines.push({ level, fields, message });
    };
  }
}
