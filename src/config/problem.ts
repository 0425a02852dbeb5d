import { AppError } from "../errors.ts";

export interface Problem {
  /** A sentence that holds no value of a secret. */
  readonly message: string;
  /** The command line is misspelt, rather than a setting wrong. */
  readonly usage: boolean;
}

/** Everything that is wrong with the settings at once. */
export class ConfigurationError extends AppError {
  constructor(readonly problems: readonly Problem[]) {
    super("INVALID_CONFIGURATION", summary(problems.map(({ message }) => message)));
  }

  get isUsage(): boolean {
    return this.problems.some(({ usage }) => usage);
  }
}

function summary(messages: readonly string[]): string {
  if (messages.length === 1) return messages.join();
  return `${messages.length} settings are wrong:\n${messages.map((line) => `- ${line}`).join("\n")}`;
}
