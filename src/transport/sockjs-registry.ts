import type { SockJsConnection } from "./sockjs-connection.ts";

/** Who opened a SockJS session over HTTP. null: not known. */
export interface Owner {
  /** Of the page. Browsers leave it out of some requests. */
  readonly origin: string | null;
  /** Of the peer; a proxy's says nothing. */
  readonly address: string | null;
}

interface Entry {
  readonly connection: SockJsConnection;
  owner: Owner;
}

/**
 * SockJS sessions over HTTP, by the ids that clients make up. An id alone opens nothing: requests of
 * another page or from another address than the session's own do not find it.
 */
export class SockJsRegistry {
  readonly #entries = new Map<string, Entry>();

  constructor(readonly capacity: number) {}

  get isFull(): boolean {
    return this.#entries.size >= this.capacity;
  }

  has(session: string): boolean {
    return this.#entries.has(session);
  }

  /** undefined also when it is somebody else's. */
  find(session: string, owner: Owner): SockJsConnection | undefined {
    const entry = this.#entries.get(session);
    if (entry === undefined || !isSame(entry.owner, owner)) return undefined;
    entry.owner = { ...entry.owner, origin: entry.owner.origin ?? owner.origin };
    return entry.connection;
  }

  add(session: string, connection: SockJsConnection, owner: Owner): void {
    this.#entries.set(session, { connection, owner });
  }

  *all(): IterableIterator<SockJsConnection> {
    for (const { connection } of this.#entries.values()) yield connection;
  }

  remove(session: string): void {
    this.#entries.delete(session);
  }
}

function isSame(a: Owner, b: Owner): boolean {
  const isSamePage = a.origin === null || b.origin === null || a.origin === b.origin;
  return isSamePage && a.address === b.address;
}
