import type { Expectation } from "./expectation.ts";

/** Counts of what happened, for the report. */
export class Tally {
  connections = 0;
  bytes = 0;
  /** Frames that the reference had to judge: accepted, refused in an answer, or the end. */
  accepted = 0;
  refused = 0;
  /** Broken before they were frames. */
  malformed = 0;
  /** Breaches of the carrier's own rules, and good-byes of it. */
  ended = 0;
  /** Sent behind what had to end the connection; they count for nothing. */
  unread = 0;
  /** Verdicts that the reference left open. */
  undecided = 0;
  readonly byCommand = new Map<string, number>();
  readonly errors = new Map<string, number>();
  readonly answers = new Map<string, number>();
  readonly carriers = new Map<string, number>();
  closedWithoutError = 0;

  get frames(): number {
    return this.accepted + this.refused + this.malformed;
  }

  judged(command: string, expectations: readonly Expectation[]): void {
    const isKnown = COMMANDS.has(command);
    count(this.byCommand, isKnown ? command : "other");
    if (expectations.some(({ kind }) => kind === "possible-error")) this.undecided += 1;
    if (expectations.some(({ kind }) => kind === "error")) this.refused += 1;
    else this.accepted += 1;
  }

  refusedByReference(expectation: Expectation): void {
    if (expectation.kind === "error") this.malformed += 1;
    else this.ended += 1;
  }

  answered(command: string): void {
    count(this.answers, command);
  }

  /** How the server ended a connection: the code of its ERROR. */
  closed(code: string | null): void {
    if (code === null) this.closedWithoutError += 1;
    else count(this.errors, code);
  }
}

export function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

const COMMANDS = new Set([
  ...["CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT"],
  ...["ABORT", "DISCONNECT", "CONNECTED", "MESSAGE", "RECEIPT", "ERROR"],
]);
