import type { Evidence } from "./evidence.ts";

/** Of one message. */
interface Attempt {
  /** The servers to which it was sent, and which have not refused it since. */
  readonly openAt: Set<string>;
  /** By whom it was refused since it was sent last. */
  refusedBy: string | null;
}

/**
 * Who may still store a message. A refusal speaks for the server that says it, and for all that the
 * server was sent until then; not for another server, to which the client had sent the message before
 * it lost its connection. That one may commit it all the same, and all of the user's devices hear so.
 */
export class Attempts {
  readonly #evidence: Evidence;
  /** By message. */
  readonly #attempts = new Map<string, Attempt>();

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  sent(key: string, connection: number): void {
    const attempt = this.#of(key);
    attempt.openAt.add(this.#serverOf(connection));
    attempt.refusedBy = null;
  }

  refused(key: string, connection: number): void {
    const attempt = this.#of(key);
    const server = this.#serverOf(connection);
    attempt.openAt.delete(server);
    attempt.refusedBy = server;
  }

  /** There is but one server, and it knows nothing of what it was sent before. */
  restarted(): void {
    for (const { openAt } of this.#attempts.values()) openAt.clear();
  }

  /** Why nobody can have stored the message since; null: somebody may have. */
  refusalOf(key: string): string | null {
    const { openAt, refusedBy } = this.#of(key);
    return refusedBy === null || openAt.size > 0
      ? null
      : `was refused, the last time by ${refusedBy}`;
  }

  #of(key: string): Attempt {
    const known = this.#attempts.get(key);
    if (known !== undefined) return known;
    const attempt: Attempt = { openAt: new Set(), refusedBy: null };
    this.#attempts.set(key, attempt);
    return attempt;
  }

  /** Behind a balancer each connection may be to another server. */
  #serverOf(connection: number): string {
    const { node } = this.#evidence.connectionOf(connection).opened;
    return node ?? `the server of connection ${connection}`;
  }
}
