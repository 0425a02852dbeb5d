import type { Contacts } from "./contacts.ts";

/** Viewers whose contacts are read side by side. */
const READ_TOGETHER = 8;

export interface ContactViewersOptions {
  readonly contacts: Contacts;
  /** False: they look no more, and need not be known. */
  readonly isThere: (viewerId: string) => boolean;
  /** Of a viewer it cannot be read whose contact they are. */
  readonly onFault: (fault: unknown) => void;
}

/**
 * Which of the viewers of this node are a user's contacts. Contacts are so both ways: it is the
 * viewers' that are read, each viewer's once until they change, and never those of the users who are
 * looked for, of whom there may be as many as all other nodes have.
 */
export class ContactViewers {
  readonly #options: ContactViewersOptions;
  /** By viewer, their contacts; null: they are to be read. */
  readonly #contacts = new Map<string, ReadonlySet<string> | null>();
  readonly #unread = new Set<string>();
  /** By viewer, the read under way that holds: since it began nothing has changed. */
  readonly #reads = new Map<string, symbol>();
  /** By contact, the viewers; mostly there is one. */
  readonly #viewers = new Map<string, string | Set<string>>();
  #reading: Promise<void> | null = null;

  constructor(options: ContactViewersOptions) {
    this.#options = options;
    options.contacts.onChange((userId) => {
      if (userId !== null) this.#forget(userId);
      else for (const viewerId of [...this.#contacts.keys()]) this.#forget(viewerId);
    });
  }

  add(viewerId: string): void {
    if (this.#contacts.has(viewerId)) return;
    this.#contacts.set(viewerId, null);
    this.#unread.add(viewerId);
  }

  delete(viewerId: string): void {
    for (const contactId of this.#contacts.get(viewerId) ?? []) this.#part(viewerId, contactId);
    this.#contacts.delete(viewerId);
    this.#unread.delete(viewerId);
    this.#reads.delete(viewerId);
  }

  /**
   * Resolves when all viewers' contacts have been read; null: they have. Of those for whom that fails
   * it is tried again at the next call.
   */
  ready(): Promise<void> | null {
    if (this.#reading !== null || this.#unread.size === 0) return this.#reading;
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** Of those whose contacts have been read. */
  of(userId: string): Iterable<string> {
    const viewers = this.#viewers.get(userId);
    if (viewers === undefined) return [];
    return typeof viewers === "string" ? [viewers] : viewers;
  }

  async #read(): Promise<void> {
    const { contacts, isThere, onFault } = this.#options;
    const failed: string[] = [];
    const read = async () => {
      for (const viewerId of this.#unread) {
        // Nor can the others' be read now.
        if (failed.length > 0) return;
        this.#unread.delete(viewerId);
        if (!isThere(viewerId)) {
          this.delete(viewerId);
          continue;
        }
        const reading = Symbol();
        this.#reads.set(viewerId, reading);
        try {
          const found = await contacts.of(viewerId);
          if (this.#reads.get(viewerId) === reading) this.#meet(viewerId, found);
        } catch (fault) {
          failed.push(viewerId);
          onFault(fault);
        }
      }
    };
    await Promise.all(Array.from({ length: READ_TOGETHER }, read));
    for (const viewerId of failed) if (this.#contacts.has(viewerId)) this.#unread.add(viewerId);
  }

  #forget(viewerId: string): void {
    if (!this.#contacts.has(viewerId)) return;
    this.delete(viewerId);
    this.add(viewerId);
  }

  #meet(viewerId: string, contacts: ReadonlySet<string>): void {
    this.#reads.delete(viewerId);
    this.#contacts.set(viewerId, contacts);
    for (const contactId of contacts) {
      const known = this.#viewers.get(contactId);
      if (known === undefined) this.#viewers.set(contactId, viewerId);
      else if (typeof known === "string") this.#viewers.set(contactId, new Set([known, viewerId]));
      else known.add(viewerId);
    }
  }

  #part(viewerId: string, contactId: string): void {
    const known = this.#viewers.get(contactId);
    if (known === viewerId) this.#viewers.delete(contactId);
    if (typeof known !== "object") return;
    known.delete(viewerId);
    if (known.size === 0) this.#viewers.delete(contactId);
  }
}
