/** A JSON body that is not of the form that the server promises. */
export class MalformedBody extends Error {
  override readonly name = "MalformedBody";
}

/** The named list of a page, each element read by `read`. */
export function readList<Item>(
  value: unknown,
  name: string,
  read: (item: unknown) => Item,
): Item[] {
  return new Fields(value).list(name).map(read);
}

export function readId(value: unknown): string {
  if (typeof value !== "string") throw new MalformedBody("An id is not a string");
  return value;
}

/** Reads an object's fields by their types; each throws MalformedBody. */
export class Fields {
  readonly #object: object;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null) {
      throw new MalformedBody("The body is not an object");
    }
    this.#object = value;
  }

  /** null for what is not there. */
  field(name: string): unknown {
    const value: unknown = Reflect.get(this.#object, name);
    return value ?? null;
  }

  /** It is there, be it as null. */
  has(name: string): boolean {
    return Reflect.has(this.#object, name);
  }

  text(name: string): string {
    return this.optionalText(name) ?? this.#wrong(name);
  }

  optionalText(name: string): string | null {
    const value = this.field(name);
    return value === null || typeof value === "string" ? value : this.#wrong(name);
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? this.#wrong(name);
  }

  optionalNumber(name: string): number | null {
    const value = this.field(name);
    return value === null || typeof value === "number" ? value : this.#wrong(name);
  }

  flag(name: string): boolean {
    const value = this.field(name);
    return typeof value === "boolean" ? value : this.#wrong(name);
  }

  /** ISO 8601, as milliseconds since the epoch. */
  time(name: string): number {
    const epochMs = Date.parse(this.text(name));
    return Number.isNaN(epochMs) ? this.#wrong(name) : epochMs;
  }

  optionalTime(name: string): number | null {
    return this.field(name) === null ? null : this.time(name);
  }

  optionalOneOf<Value extends string>(name: string, values: readonly Value[]): Value | null {
    return this.field(name) === null ? null : this.oneOf(name, values);
  }

  oneOf<Value extends string>(name: string, values: readonly Value[]): Value {
    const text = this.text(name);
    return values.find((value) => value === text) ?? this.#wrong(name);
  }

  list(name: string): readonly unknown[] {
    const value = this.field(name);
    return Array.isArray(value) ? value : this.#wrong(name);
  }

  #wrong(name: string): never {
    throw new MalformedBody(`The body's ${name} is missing or of another form`);
  }
}
