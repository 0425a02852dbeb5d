/**
 * The judge of one connection: it hears what the server owes, and what came, and says what is wrong
 * between the two. It knows no socket, no clock and no fuzzer.
 */
import type { Expectation } from "./expectation.ts";

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
}

export type FaultKind =
  | "silence" // an answer that is owed did not come in time
  | "no refusal" // malformed, and neither ERROR nor close came in time
  | "open" // not closed in time
  | "wrong refusal" // a valid frame got an ERROR, or one of another code
  | "lost" // a healthy connection was closed
  | "after error" // something came after the ERROR
  | "foreign" // an answer that nobody asked for, or to a frame after the refused one
  | "wrong answer" // a RECEIPT for what must be refused, or the reverse
  | "not stomp"; // what came is not a well-formed frame of the version

/** What a client sees of the server, already taken out of its frames. */
export type Observation =
  | { readonly kind: "connected" }
  | { readonly kind: "receipt"; readonly receipt: string }
  /** A message on the errors queue that names a receipt. */
  | { readonly kind: "refusal"; readonly receipt: string }
  | { readonly kind: "message" }
  | { readonly kind: "error"; readonly code: string }
  | { readonly kind: "pong"; readonly payload: string }
  | { readonly kind: "garbage"; readonly text: string }
  | { readonly kind: "closed" };

interface Owed {
  readonly by: "receipt" | "refusal" | "either";
  /** Still to come. */
  owed: number;
  /** May come. */
  allowed: number;
}

export class Oracle {
  readonly faults: Fault[] = [];
  readonly #answers = new Map<string, Owed>();
  readonly #pings = new Set<string>();
  #connectedOwed = 0;
  #required: { codes: readonly string[]; why: string } | null = null;
  #mustClose: string | null = null;
  readonly #possible = new Set<string>();
  #error: string | null = null;
  #isClosed = false;

  /** The code of the ERROR that came. */
  get errorCode(): string | null {
    return this.#error;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Nothing more is owed. */
  get isSettled(): boolean {
    if (this.#isClosed || this.faults.length > 0) return true;
    if (this.#error !== null || this.#required !== null || this.#mustClose !== null) return false;
    return this.#connectedOwed === 0 && [...this.#answers.values()].every(({ owed }) => owed <= 0);
  }

  expect(expectation: Expectation): void {
    if (this.#isEnded && expectation.kind !== "pong") return;
    switch (expectation.kind) {
      case "connected":
        this.#connectedOwed += 1;
        break;
      case "answer":
        this.#expectAnswer(expectation.receipt, expectation.by, expectation.isOwed);
        break;
      case "errors-unheard":
        for (const answer of this.#answers.values()) if (answer.by !== "receipt") answer.owed = 0;
        break;
      case "pong":
        this.#pings.add(expectation.payload);
        break;
      case "error":
        this.#required = expectation;
        break;
      case "possible-error":
        for (const code of expectation.codes) this.#possible.add(code);
        break;
      case "close":
        this.#mustClose = expectation.why;
        break;
    }
  }

  /** The ERROR that is due may have this code as well. */
  alternative(code: string): void {
    this.#possible.add(code);
  }

  observe(observation: Observation): void {
    if (observation.kind === "closed") {
      this.#closed();
    } else if (observation.kind === "garbage") {
      this.#fault("not stomp", observation.text);
    } else if (this.#error !== null && observation.kind !== "pong") {
      this.#fault("after error", `${describe(observation)} after the ERROR ${this.#error}`);
    } else {
      this.#observe(observation);
    }
  }

  /** The time is over: what is owed still is a fault. */
  late(): void {
    if (this.isSettled) return;
    if (this.#error !== null) {
      this.#fault("open", `not closed after the ERROR ${this.#error}`);
    } else if (this.#required !== null) {
      this.#fault("no refusal", `neither ERROR nor close: ${this.#required.why}`);
    } else if (this.#mustClose !== null) {
      this.#fault("open", `not closed: ${this.#mustClose}`);
    } else {
      if (this.#connectedOwed > 0) this.#fault("silence", "no CONNECTED");
      const silent = [...this.#answers].filter(([, { owed }]) => owed > 0);
      for (const [receipt] of silent) this.#fault("silence", `no answer to receipt ${receipt}`);
    }
  }

  get #isEnded(): boolean {
    return this.#required !== null || this.#mustClose !== null;
  }

  #expectAnswer(receipt: string, by: Owed["by"], isOwed: boolean): void {
    const known = this.#answers.get(receipt) ?? { by, owed: 0, allowed: 0 };
    this.#answers.set(receipt, {
      // A receipt asked for twice, of frames that end differently, is answered either way.
      by: known.by === by ? by : "either",
      owed: known.owed + (isOwed ? 1 : 0),
      allowed: known.allowed + 1,
    });
  }

  #observe(observation: Observation): void {
    switch (observation.kind) {
      case "connected":
        if (this.#connectedOwed === 0) this.#fault("foreign", "a CONNECTED nobody asked for");
        this.#connectedOwed -= 1;
        break;
      case "receipt":
        this.#receipt(observation.receipt);
        break;
      case "refusal":
        this.#refusal(observation.receipt);
        break;
      case "error":
        this.#errorCame(observation.code);
        break;
      case "pong":
        if (!this.#pings.has(observation.payload)) this.#fault("foreign", "a pong without ping");
        break;
    }
  }

  #receipt(receipt: string): void {
    const answer = this.#answers.get(receipt);
    if (answer === undefined || answer.allowed <= 0) {
      this.#fault("foreign", `the RECEIPT ${receipt} answers nothing that was to be answered`);
    } else if (answer.by === "refusal") {
      this.#fault("wrong answer", `the RECEIPT ${receipt} for what must be refused`);
    } else {
      answer.owed -= 1;
      answer.allowed -= 1;
    }
  }

  /** Each subscription to the errors queue brings one, so they are not counted. */
  #refusal(receipt: string): void {
    const answer = this.#answers.get(receipt);
    if (answer === undefined) {
      this.#fault("foreign", `a refusal of ${receipt}, which nobody asked for`);
    } else if (answer.by === "receipt") {
      this.#fault("wrong answer", `the valid frame of receipt ${receipt} was refused`);
    } else {
      answer.owed -= 1;
    }
  }

  #errorCame(code: string): void {
    this.#error = code;
    const allowed = [...(this.#required?.codes ?? []), ...this.#possible];
    if (allowed.includes(code)) return;
    const why = this.#required === null ? "nothing" : `${allowed.join(", ")}`;
    this.#fault("wrong refusal", `the ERROR ${code} where ${why} was due`);
  }

  #closed(): void {
    if (this.#isClosed) return;
    const isExpected = this.#error !== null || this.#isEnded;
    if (!isExpected) this.#fault("lost", "closed, though nothing was wrong");
    else if (this.#error === null && this.#required === null) this.#goodBye();
    this.#isClosed = true;
  }

  /** DISCONNECT: all receipts before it, and its own, come first [STOMP 1.2 §DISCONNECT]. */
  #goodBye(): void {
    if (this.#mustClose !== "DISCONNECT") return;
    for (const [receipt, { owed, by }] of this.#answers) {
      if (owed > 0 && by === "receipt") {
        this.#fault("silence", `closed after DISCONNECT without the RECEIPT ${receipt}`);
      }
    }
  }

  #fault(kind: FaultKind, text: string): void {
    this.faults.push({ kind, text });
  }
}

function describe(observation: Observation): string {
  return "receipt" in observation
    ? `${observation.kind} ${observation.receipt}`
    : `a ${observation.kind}`;
}
