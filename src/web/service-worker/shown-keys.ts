const CACHE = "parley.push";
const KEYS = "/push/shown-keys";
/** The server sends again within days, or not at all. */
const MOST_KEYS = 100;

/** Of a browser's `CacheStorage`. */
export interface KeyCaches {
  open(name: string): Promise<Pick<Cache, "match" | "put">>;
}

/**
 * Which notices this browser has shown: a server that was killed after it sent one, and before it noted
 * that, sends it again. In the browser's storage, since a worker ends whenever it has nothing to do.
 */
export class ShownKeys {
  readonly #caches: KeyCaches;
  #last: Promise<unknown> = Promise.resolve();

  constructor(caches: KeyCaches) {
    this.#caches = caches;
  }

  /** Runs it unless it has run for this key; one after the other. Rejects as it does. */
  once(key: string, show: () => Promise<void>): Promise<void> {
    const turn = () => this.#once(key, show);
    const ran = this.#last.then(turn, turn);
    this.#last = ran;
    return ran;
  }

  async #once(key: string, show: () => Promise<void>): Promise<void> {
    // What the storage does not tell may be shown twice, which is better than never.
    const keys = await this.#keys().catch((): readonly unknown[] => []);
    if (keys.includes(key)) return;
    await show();
    const cache = await this.#caches.open(CACHE);
    await cache.put(KEYS, Response.json([...keys, key].slice(-MOST_KEYS)));
  }

  async #keys(): Promise<readonly unknown[]> {
    const cache = await this.#caches.open(CACHE);
    const stored: unknown = await (await cache.match(KEYS))?.json();
    return Array.isArray(stored) ? stored : [];
  }
}
