import { Line, type Linked } from "./line.ts";

export interface RecentlyUsedOptions<V> {
  /** What all values together may weigh, unless more of them are held. */
  readonly capacity: number;
  /** Asked again when the value is used after another one. */
  readonly weigh: (value: V) => number;
  /** It stays, whether it is used or not. */
  readonly isHeld: (value: V) => boolean;
}

/** When a value comes, so many others at most are looked at: whoever brings it does not wait for long. */
const MOST_LOOKS = 8;

/** Values by name; to make room, those go that have not been used for the longest time. */
export class RecentlyUsed<V> {
  readonly #options: RecentlyUsedOptions<V>;
  readonly #entries = new Map<string, Entry<V>>();
  readonly #inOrderOfUse = new Line<Entry<V>>();
  #weight = 0;

  constructor(options: RecentlyUsedOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Uses it. */
  get(name: string): V | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.value;
  }

  /** Uses none of them. */
  *values(): IterableIterator<V> {
    for (const { value } of this.#entries.values()) yield value;
  }

  /** In place of what is there under the name. */
  set(name: string, value: V): void {
    this.delete(name);
    const entry: Entry<V> = { name, value, weight: 0, older: null, newer: null };
    this.#entries.set(name, entry);
    this.#append(entry);
    this.#makeRoom(entry);
  }

  delete(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#unlink(entry);
  }

  /** Beside the newcomer. What is held counts as used: the next look is at others. */
  #makeRoom(newcomer: Entry<V>): void {
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const entry = this.#inOrderOfUse.oldest;
      const isEnough = this.#weight <= this.#options.capacity;
      if (isEnough || entry === null || entry === newcomer) return;
      if (this.#options.isHeld(entry.value)) this.#use(entry);
      else this.delete(entry.name);
    }
  }

  #use(entry: Entry<V>): void {
    if (entry === this.#inOrderOfUse.newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #append(entry: Entry<V>): void {
    this.#inOrderOfUse.append(entry);
    entry.weight = this.#options.weigh(entry.value);
    this.#weight += entry.weight;
  }

  #unlink(entry: Entry<V>): void {
    this.#inOrderOfUse.remove(entry);
    this.#weight -= entry.weight;
  }
}

interface Entry<V> extends Linked<Entry<V>> {
  readonly name: string;
  readonly value: V;
  weight: number;
}
