/** A new UUIDv7: sorts by the time of its making. */
export type NewId = () => string;

export const newUuid: NewId = () => Bun.randomUUIDv7();
