import type { Subprocess } from "bun";

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What the child hands over with `process.send`. */
  readonly onResult?: (result: unknown) => void;
}

const KILL_AFTER_MS = 5_000;

/** The processes that the bench has started; it ends these and no others. */
export class Children {
  readonly #running = new Set<Subprocess>();
  #isEnding = false;

  /** Its output is the bench's own. */
  start(command: readonly string[], options: ChildOptions = {}): Subprocess {
    this.#refuseWhenEnding();
    return this.#remember(
      Bun.spawn([...command], {
        ...{ env: { ...process.env, ...options.env }, ...channelFor(options) },
        stdio: ["ignore", "inherit", "inherit"],
      }),
    );
  }

  /** Its output is to be read. */
  startPiped(
    command: readonly string[],
    options: ChildOptions = {},
  ): Subprocess<"ignore", "pipe", "inherit"> {
    this.#refuseWhenEnding();
    return this.#remember(
      Bun.spawn([...command], {
        ...{ env: { ...process.env, ...options.env }, ...channelFor(options) },
        stdio: ["ignore", "pipe", "inherit"],
      }),
    );
  }

  /** Throws when it does not end well. */
  async run(command: readonly string[], options: ChildOptions = {}): Promise<void> {
    const child = this.start(command, options);
    const exitCode = await child.exited;
    if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}`);
  }

  /** SIGTERM, and SIGKILL to what stays. */
  async end(child: Subprocess): Promise<void> {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), KILL_AFTER_MS);
    await child.exited;
    clearTimeout(timer);
  }

  /** For good: whoever goes on cannot start another one, which would be left behind. */
  async endAll(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#running].map((child) => this.end(child)));
  }

  #refuseWhenEnding(): void {
    if (this.#isEnding) throw new Error("The bench is being ended");
  }

  #remember<Child extends Subprocess>(child: Child): Child {
    this.#running.add(child);
    const forget = () => this.#running.delete(child);
    child.exited.then(forget, forget);
    return child;
  }
}

function channelFor({ onResult }: ChildOptions) {
  return onResult === undefined ? {} : { ipc: onResult };
}
