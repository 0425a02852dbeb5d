import type { Subprocess } from "bun";

/** A process of the suite's own that does one thing at a time, asked for over IPC. */
export class Helper<Question> {
  readonly #child: Subprocess;
  #answer = Promise.withResolvers<unknown>();

  private constructor(script: string, args: readonly string[]) {
    this.#child = Bun.spawn([process.execPath, script, ...args], {
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
    const helper = new Helper<Question>(script, args);
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
