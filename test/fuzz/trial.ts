/**
 * One connection on trial: every byte of the client goes through the reference, which says what the
 * server owes; every byte of the server is read, strictly, and goes to the judge.
 */
import type { CarrierReader, Inbound, Outbound } from "./carriers/carrier.ts";
import type { Expectation } from "./expectation.ts";
import { HIDDEN_HEADER } from "./grammar.ts";
import { type Observation, Oracle } from "./oracle.ts";
import type { KnownSubscription } from "./reference/seen-messages.ts";
import { ReferenceSession } from "./reference/session.ts";
import { headerOf, type ReferenceFrame, type Rules, readFrame } from "./reference/stomp.ts";
import { isMatch, wildcardsIn } from "./reference/topics.ts";
import type { Tally } from "./tally.ts";

/** A MESSAGE carries headers of its own on top of what a client may send. */
const ANSWER_LIMITS = { frameBytes: 1 << 24, headers: 1_000, headerLineBytes: 1 << 17 };

export class Trial {
  readonly oracle = new Oracle();
  readonly session = new ReferenceSession();
  #pending: Buffer = Buffer.alloc(0);
  #pendingIsText = true;
  #answers: Buffer = Buffer.alloc(0);
  #connectedSeen = false;

  constructor(
    readonly reader: CarrierReader,
    readonly tally: Tally,
  ) {}

  /** The next byte of the client begins a frame. */
  get isBetweenFrames(): boolean {
    return this.reader.isBetweenMessages && this.#pending.length === 0;
  }

  get isOver(): boolean {
    return this.session.isOver;
  }

  sent(bytes: Buffer): void {
    for (const inbound of this.reader.fromClient(bytes)) this.#inbound(inbound);
  }

  received(bytes: Buffer): void {
    for (const outbound of this.reader.fromServer(bytes)) this.#outbound(outbound);
  }

  closed(): void {
    this.oracle.observe({ kind: "closed" });
  }

  #inbound(inbound: Inbound): void {
    if (this.session.isOver) {
      this.#inboundAfterEnd(inbound);
      return;
    }
    switch (inbound.kind) {
      case "stomp":
        this.#stomp(inbound.bytes, inbound.isText);
        break;
      case "ping":
        this.oracle.expect({ kind: "pong", payload: inbound.payload });
        break;
      case "malformed":
        this.#end({ kind: "error", codes: ["MALFORMED_FRAME"], why: inbound.why });
        break;
      case "end":
        this.#end({ kind: "close", why: inbound.why });
        break;
    }
  }

  /**
   * The decoder reads on while a refused frame still waits behind another: what is malformed later
   * may be told first. All the same nothing of it may be handled.
   */
  #inboundAfterEnd(inbound: Inbound): void {
    if (inbound.kind === "malformed") this.oracle.alternative("MALFORMED_FRAME");
    if (inbound.kind === "ping") this.oracle.expect({ kind: "pong", payload: inbound.payload });
    if (inbound.kind !== "stomp") return;
    if (this.#pending.length > 0 && inbound.isText !== this.#pendingIsText) {
      this.oracle.alternative("MALFORMED_FRAME");
    }
    this.#pendingIsText = inbound.isText;
    this.#pending = Buffer.concat([this.#pending, inbound.bytes]);
    this.#lookAhead();
  }

  /** So much at once can be wrong in more than one way, and which is seen first is chance. */
  #equallyWrong(): string[] {
    const isLong =
      this.#pending.length > 8_192 || this.#pending.toString("latin1").split("\n").length > 64;
    return isLong ? ["MALFORMED_FRAME", "HEADER_LIMIT_EXCEEDED", "FRAME_TOO_LARGE"] : [];
  }

  #lookAhead(): void {
    for (;;) {
      const reading = readFrame(this.#pending, this.session.rules);
      if (reading.kind === "refused") this.oracle.alternative(reading.code);
      if (reading.kind !== "frame") return;
      this.#pending = reading.rest;
      this.tally.unread += 1;
    }
  }

  #end(expectation: Expectation): void {
    this.tally.refusedByReference(expectation);
    this.session.isOver = true;
    this.oracle.expect(expectation);
  }

  #stomp(bytes: Buffer, isText: boolean): void {
    if (this.#pending.length > 0 && isText !== this.#pendingIsText) {
      this.#end({ kind: "error", codes: ["MALFORMED_FRAME"], why: "text and bytes in one frame" });
      return;
    }
    this.#pendingIsText = isText;
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    while (!this.session.isOver) {
      const reading = readFrame(this.#pending, this.session.rules);
      if (reading.kind === "refused") {
        const codes = [reading.code, ...this.#equallyWrong()];
        this.#end({ kind: "error", codes, why: reading.why });
        return;
      }
      this.#pending = reading.rest;
      if (reading.kind === "unfinished") return;
      this.#frame(reading.frame);
    }
    this.#lookAhead();
  }

  #frame(frame: ReferenceFrame): void {
    const expectations = this.session.frame(frame);
    this.tally.judged(frame.command, expectations);
    for (const expectation of expectations) this.oracle.expect(this.#asEchoed(expectation));
  }

  /** Not every version can say every text: what it cannot say is left out of the echo. */
  #asEchoed(expectation: Expectation): Expectation {
    if (expectation.kind !== "answer") return expectation;
    return { ...expectation, receipt: sayable(this.session.rules, expectation.receipt) };
  }

  #outbound(outbound: Outbound): void {
    switch (outbound.kind) {
      case "pong":
        this.oracle.observe(outbound);
        break;
      case "garbage":
        this.oracle.observe(outbound);
        break;
      case "stomp":
        this.#answered(outbound.bytes);
        break;
    }
  }

  #answered(bytes: Buffer): void {
    this.#answers = Buffer.concat([this.#answers, bytes]);
    for (;;) {
      const rules = this.#connectedSeen ? this.session.rules : (this.session.rules ?? "1.2");
      const reading = readFrame(this.#answers, rules, ANSWER_LIMITS);
      if (reading.kind === "refused") {
        const text = `${reading.why}: ${this.#answers.toString("latin1").slice(0, 200)}`;
        this.oracle.observe({ kind: "garbage", text });
        return;
      }
      this.#answers = Buffer.from(reading.rest);
      if (reading.kind === "unfinished") return;
      this.tally.answered(reading.frame.command);
      this.oracle.observe(this.#observation(reading.frame));
    }
  }

  #observation(frame: ReferenceFrame): Observation {
    // The fuzzer hides such a header in values: if it comes out as one, it was let in.
    if (frame.headers.some(([name]) => name.startsWith(HIDDEN_HEADER))) {
      return { kind: "garbage", text: `an injected header in ${frame.command}` };
    }
    switch (frame.command) {
      case "CONNECTED":
        this.#connectedSeen = true;
        return { kind: "connected" };
      case "RECEIPT":
        return { kind: "receipt", receipt: headerOf(frame, "receipt-id") ?? "" };
      case "ERROR":
        return { kind: "error", code: headerOf(frame, "code") ?? "" };
      case "MESSAGE":
        return this.#message(frame);
      default:
        return { kind: "garbage", text: `a server does not send ${frame.command}` };
    }
  }

  #message(frame: ReferenceFrame): Observation {
    const candidates = this.#subscriptionsOf(frame);
    const subscription = candidates.at(-1);
    if (subscription === undefined) {
      const about = frame.headers.map((header) => header.join(":")).join(" ");
      return { kind: "garbage", text: `a MESSAGE of no subscription: ${about}` };
    }
    const messageId = headerOf(frame, "message-id");
    if (messageId === undefined) return { kind: "garbage", text: "a MESSAGE without message-id" };
    this.session.messages.add({
      messageId,
      subscription,
      ack: headerOf(frame, "ack"),
      isSure: candidates.length === 1,
    });
    if (!/^\/user\/.*queue\/errors$/.test(subscription.destination)) return { kind: "message" };
    const { receiptId }: { receiptId?: string } = JSON.parse(frame.body.toString());
    if (receiptId === undefined) return { kind: "message" };
    return { kind: "refusal", receipt: sayable(this.session.rules, receiptId.toWellFormed()) };
  }

  #subscriptionsOf(frame: ReferenceFrame): KnownSubscription[] {
    const { rules, everSubscribed } = this.session;
    const id = headerOf(frame, "subscription");
    const destination = headerOf(frame, "destination");
    return everSubscribed.filter(
      (known) =>
        (id === undefined
          ? rules === "1.0" && known.id === known.destination
          : sayable(rules, known.id) === id) && isFor(known.destination, destination ?? "", rules),
    );
  }
}

/** The destination that a client subscribed to stands for what a MESSAGE names. */
function isFor(subscribed: string, destination: string, rules: Rules): boolean {
  if (!subscribed.startsWith("/topic/") || wildcardsIn(subscribed) === 0) {
    return sayable(rules, subscribed) === destination;
  }
  return destination.startsWith("/topic/") && isMatch(sayable(rules, subscribed), destination);
}

/** A header value after its way through an encoder and a reader of the version. */
function sayable(rules: Rules, text: string): string {
  switch (rules) {
    case "1.0":
      return text.replace(/[\r\n\0]/g, "").trim();
    case "1.1":
      return text.replace(/[\r\0]/g, "");
    default:
      return text.replaceAll("\0", "");
  }
}
