/** Of every body, as everywhere in the bench. */
const BODY_BYTES = 128;
const DIGITS = 10;
const MESSAGE = "m";
const PROBE = "p";
const PADDING = "x".repeat(BODY_BYTES - MESSAGE.length - DIGITS);
const LETTER_M = 109;

export function messageBody(index: number): string {
  return MESSAGE + String(index).padStart(DIGITS, "0") + PADDING;
}

/** Asks whether a subscription is in place; counts as no message. */
export function probeBody(round: number): string {
  return PROBE + String(round).padStart(DIGITS, "0") + PADDING;
}

export function isMessage(bytes: Buffer, start: number): boolean {
  return bytes[start] === LETTER_M;
}

/** Of a message or a probe; throws when the body is none of ours. */
export function numberOf(bytes: Buffer, start: number, end: number): number {
  if (end - start !== BODY_BYTES)
    throw new Error(`A body that nobody sent: ${bytes.toString("utf8", start, end)}`);
  let value = 0;
  for (let at = start + 1; at <= start + DIGITS; at += 1)
    value = value * 10 + (bytes[at] ?? 0) - 48;
  return value;
}
