import { join } from "node:path";
import type { Subprocess } from "bun";

const SCRIPT = join(import.meta.dir, "hold-lock.ts");

/** Another program at the database, which takes its write lock when asked to. */
export class LockHolder {
  readonly #child: Subprocess;
  #answer = Promise.withResolvers<void>();

  private constructor(path: string) {
    this.#child = Bun.spawn([process.execPath, SCRIPT, path], {
      stdio: ["ignore", "inherit", "inherit"],
      ipc: () => this.#answer.resolve(),
    });
  }

  static async start(path: string): Promise<LockHolder> {
    const holder = new LockHolder(path);
    await holder.#answer.promise;
    return holder;
  }

  take(): Promise<void> {
    return this.#ask("take");
  }

  leave(): Promise<void> {
    return this.#ask("leave");
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #ask(question: string): Promise<void> {
    this.#answer = Promise.withResolvers();
    this.#child.send(question);
    await this.#answer.promise;
  }
}
