/** Where the value begins whose beginning is marked so; -1 when there is none. */
export function after(bytes: Buffer, mark: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(mark, from);
  return at === -1 || at >= end ? -1 : at + mark.length;
}

/** The decimal digits from there on. */
export function numberAt(bytes: Buffer, from: number): number {
  let value = 0;
  for (let at = from; ; at += 1) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}
