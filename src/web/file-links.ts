import type { Api } from "./api.ts";
import type { Attempt, Outcome } from "./attempts.ts";
import type { Links } from "./wire-files.ts";

/** A link that is nearly over is not given out any more. */
const SPARE_MS = 5_000;

export interface FileLinksOptions {
  readonly api: Pick<Api, "fileLinks">;
  readonly attempt: Attempt;
  readonly now: () => number;
}

/** Where files are had: asked for when one is to be shown, and anew when that is over. */
export class FileLinks {
  readonly #options: FileLinksOptions;
  readonly #known = new Map<string, Links>();
  readonly #asked = new Map<string, Promise<Outcome<Links>>>();

  constructor(options: FileLinksOptions) {
    this.#options = options;
  }

  of(id: string): Promise<Outcome<Links>> {
    const known = this.#known.get(id);
    if (known !== undefined && known.expiresMs - SPARE_MS > this.#options.now()) {
      return Promise.resolve({ isDone: true, answer: known });
    }
    const asked = this.#asked.get(id) ?? this.#ask(id);
    this.#asked.set(id, asked);
    return asked;
  }

  /** The server did not take them, whatever the clock here says. */
  renew(id: string): Promise<Outcome<Links>> {
    this.#known.delete(id);
    return this.of(id);
  }

  async #ask(id: string): Promise<Outcome<Links>> {
    const { api, attempt } = this.#options;
    try {
      const outcome = await attempt(() => api.fileLinks(id));
      if (outcome.isDone) this.#known.set(id, outcome.answer);
      return outcome;
    } finally {
      this.#asked.delete(id);
    }
  }
}
