import type { Subprocess } from "bun";

const NO_PREFIX: readonly string[] = [];

/** A process of the suite's own that does one thing at a time, asked for over IPC. */
export class Helper<Question> {
  readonly #child: Subprocess;
  #answer = Promise.withResolvers<unknown>();

  private constructor(prefix: readonly string[], script: string, args: readonly string[]) {
    this.#child = Bun.spawn([...prefix, process.execPath, script, ...args], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message: unknown) => this.#answer.resolve(message),
      onExit: (_, exitCode) =>
        this.#answer.reject(new Error(`${script} ended with ${exitCode} before it answered`)),
    });
  }

  /** Resolves when it says that it is ready. */
  static async start<Question>(
    script: string,
    ...args: readonly string[]
  ): Promise<Helper<Question>> {
    return await Helper.startWith(NO_PREFIX, script, ...args);
  }

  /** As `start`, by a command that becomes the process, see `pinnedTo`. */
  static async startWith<Question>(
    prefix: readonly string[],
    script: string,
    ...args: readonly string[]
  ): Promise<Helper<Question>> {
    const helper = new Helper<Question>(prefix, script, args);
    await helper.#answer.promise;
    return helper;
  }

  /** Resolves with its answer; rejects when it ends before. One question at a time. */
  async ask(question: Question): Promise<unknown> {
    this.#answer = Promise.withResolvers();
    this.#child.send(question);
    return await this.#answer.promise;
  }

  async end(): Promise<void> {
    this.#answer.promise.catch(() => undefined);
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
