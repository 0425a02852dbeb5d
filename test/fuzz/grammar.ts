/** Conversations as a good client might have them, in the version that was agreed on. */
import { appBody } from "./bodies.ts";
import type { Random } from "./random.ts";
import type { ReferenceSession } from "./reference/session.ts";
import type { Rules } from "./reference/stomp.ts";

/** A frame before it is written. */
export interface PlannedFrame {
  command: string;
  headers: [name: string, value: string][];
  /** Lines as they are, behind the headers. */
  rawLines: readonly string[];
  body: Buffer;
  /** Ends of lines. */
  eol: "\n" | "\r\n";
}

export const USERS = Array.from({ length: 40 }, (_, index) => `fuzz-${index}`);
const TOPICS = Array.from({ length: 120 }, (_, index) => `/topic/fuzz.${index}`);
const PATTERNS = [
  ...["/topic/fuzz.*", "/topic/#", "/topic/**", "/topic/*.7", "/topic/fuzz/*", "/topic/fuzz.#.1"],
  ...[
    "/topic/#.#.#.#.#.#.#.#",
    "/topic/#.#.#.#.#.#.#.#.#",
    "/topic/fuzz.1*",
    "/topic/*",
    "/topic/*.*",
  ],
];
const QUEUES = Array.from({ length: 12 }, (_, index) => `/queue/fuzz.${index}`);
const TRANSACTIONS = ["t1", "t2", "t\\n:3"];
const USER_QUEUES = ["errors", "confirmations", "receipts", "profiles", "notices", "messages"];
const APP_ROUTES = [
  ...["/app/chat.send", "/app/chat.send", "/app/chat.read", "/app/chat.sync"],
  ...["/app/user.presence", "/app/user.connect", "/app/chat.typing/fuzz-c-1", "/app/chat.shout"],
];
/** The beginning of a name that stands in values only, and may not come out as a header. */
export const HIDDEN_HEADER = "evil";

/** Escaped by the versions that can. */
const HIDING = `line\n${HIDDEN_HEADER}:1`;
const ODD_VALUES = ["plain", "with space ", "a:b", "back\\slash", HIDING, "é€😀", ""];

export class Grammar {
  #receipts = 0;

  constructor(
    readonly random: Random,
    readonly session: ReferenceSession,
  ) {}

  connect(userId: string): PlannedFrame {
    const { random } = this;
    const command = random.chance(0.15) ? "STOMP" : "CONNECT";
    const versions = random.pick(["1.2", "1.2", "1.1", "1.0", "1.0,1.1,1.2", "1.1,1.0", null]);
    const headers: [string, string][] = [];
    if (versions !== null) headers.push(["accept-version", versions]);
    headers.push([random.pick(["X-User-Id", "X-User-Id", "x-user-id", "login"]), userId]);
    if (random.chance(0.3)) headers.push(["host", "parley"]);
    const beat = random.pick([null, "0,0", "10000,10000", "0,1000", "60000,60000"]);
    if (beat !== null) headers.push(["heart-beat", beat]);
    return this.#frame(command, headers);
  }

  /** So that refusals are heard. */
  listenToErrors(): PlannedFrame {
    return this.#frame("SUBSCRIBE", [
      ...[["id", "errors"] as const, ["destination", "/user/queue/errors"] as const],
      ["receipt", this.#receipt()],
    ]);
  }

  /** Its RECEIPT says that all before it was handled. */
  fence(): PlannedFrame {
    return this.#frame("UNSUBSCRIBE", [
      ["id", "nothing"],
      ["receipt", `fence-${this.#receipt()}`],
    ]);
  }

  disconnect(): PlannedFrame {
    return this.#frame("DISCONNECT", this.#asked([], 0.8));
  }

  next(): PlannedFrame {
    return this.random.weighted<() => PlannedFrame>([
      [34, () => this.#sendToTopic()],
      [18, () => this.#sendToApp()],
      [4, () => this.#sendAnywhere()],
      [16, () => this.#subscribe()],
      [9, () => this.#unsubscribe()],
      [12, () => this.#acknowledge()],
      [8, () => this.#sendToQueue()],
      [5, () => this.#transaction()],
    ])();
  }

  #sendToTopic(): PlannedFrame {
    const { random } = this;
    const headers: [string, string][] = [["destination", random.pick(TOPICS)]];
    if (random.chance(0.3)) headers.push(["content-type", "text/plain"]);
    if (random.chance(0.2)) headers.push([`x-${random.pick(ODD_VALUES)}`, random.pick(ODD_VALUES)]);
    return this.#withBody(this.#asked(this.#inTransaction(headers), 0.5), this.#body());
  }

  #sendToQueue(): PlannedFrame {
    const { random } = this;
    const headers: [string, string][] = [["destination", random.pick(QUEUES)]];
    if (random.chance(0.4)) headers.push(["persistent", random.pick(["true", "false", "yes"])]);
    const expiries = ["0", "1", "9999999999999", `${Date.now() + 50}`];
    if (random.chance(0.2)) headers.push(["expires", random.pick(expiries)]);
    return this.#withBody(this.#asked(this.#inTransaction(headers), 0.5), this.#body());
  }

  #inTransaction(headers: [string, string][]): [string, string][] {
    const open = this.session.openTransactions;
    if (open.length === 0 || this.random.chance(0.6)) return headers;
    return [...headers, ["transaction", this.random.pick(open)]];
  }

  #sendToApp(): PlannedFrame {
    const destination = this.random.pick(APP_ROUTES);
    const body = appBody(destination, this.session.userId, this.random);
    return this.#withBody(
      this.#asked(this.#inTransaction([["destination", destination]]), 0.6),
      Buffer.from(body),
    );
  }

  #sendAnywhere(): PlannedFrame {
    const destination = this.random.pick([
      ...["/topic/fuzz.*", "/topic/a.b/c.7", "/topic/fuzz..1", "/topic/.", "/topic/fuzz.1*"],
      ...["/nowhere", "/user/queue/errors", "/user/fuzz-1/queue/messages", "/topic/presence"],
      ...[
        "/topic/typing/fuzz-c-1",
        "/app/",
        "/topic/",
        `/topic/${"x".repeat(1_100)}`,
        "/app/chat.send/",
      ],
    ]);
    return this.#withBody(this.#asked([["destination", destination]], 0.8), this.#body());
  }

  #subscribe(): PlannedFrame {
    const { random, session } = this;
    const own = random.chance(0.5) ? "/user/queue" : `/user/${session.userId}/queue`;
    const destination = random.weighted<() => string>([
      [60, () => random.pick(TOPICS)],
      [20, () => random.pick([...QUEUES, "/queue/dead-letter/fuzz.1"])],
      [12, () => `${own}/${random.pick(USER_QUEUES)}`],
      [8, () => random.pick(PATTERNS)],
      [5, () => `/topic/typing/fuzz-c-${random.below(20)}`],
      [1, () => "/topic/presence"],
      [4, () => `/user/somebody-else/queue/${random.pick(USER_QUEUES)}`],
      [3, () => random.pick(["/nowhere", "/app/chat.send", "/topic/", "/user/queue/no"])],
    ])();
    const headers: [string, string][] = [["destination", destination]];
    const isWithoutId = session.rules === "1.0" && random.chance(0.3);
    if (!isWithoutId) headers.push(["id", this.#newId()]);
    const isOwnMessages = destination.endsWith("/messages");
    const mode = random.pick([null, "auto", "client", "client-individual"]);
    if (mode !== null && !isOwnMessages) headers.push(["ack", mode]);
    if (random.chance(0.1)) headers.push(["prefetch-count", random.pick(["0", "1", "5"])]);
    return this.#frame("SUBSCRIBE", this.#asked(headers, 0.6));
  }

  #newId(): string {
    const { random } = this;
    const fresh = `s${random.below(1_000_000)}`;
    return random.weighted([
      [88, fresh],
      [10, `${fresh}${random.pick(ODD_VALUES)}`],
      [1, "errors"],
      [1, random.pick([...this.session.subscriptions.keys(), fresh])],
    ]);
  }

  #unsubscribe(): PlannedFrame {
    const known = [...this.session.subscriptions.keys()].filter((id) => id !== "errors");
    const id = known.length > 0 ? this.random.pick(known) : "nothing";
    return this.#frame("UNSUBSCRIBE", this.#asked([["id", id]], 0.5));
  }

  #acknowledge(): PlannedFrame {
    const { random, session } = this;
    const all = session.messages.waiting();
    const held = all.filter(
      ({ subscription }) => subscription === session.subscriptions.get(subscription.id),
    );
    const waiting = random.chance(0.95) ? held : all;
    if (waiting.length === 0) return this.#sendToTopic();
    const { messageId, subscription, ack } = random.pick(waiting);
    const command = random.chance(0.8) ? "ACK" : "NACK";
    const headers: [string, string][] = [];
    if (session.rules === "1.2") headers.push(["id", ack ?? ""]);
    else headers.push(["message-id", messageId]);
    if (session.rules === "1.1") headers.push(["subscription", subscription.id]);
    if (command === "NACK" && random.chance(0.3)) headers.push(["requeue", "false"]);
    return this.#frame(command, this.#asked(this.#inTransaction(headers), 0.5));
  }

  #transaction(): PlannedFrame {
    const { random } = this;
    const open = this.session.openTransactions;
    const closed = TRANSACTIONS.filter((name) => !open.includes(name));
    const begins = open.length === 0 || (closed.length > 0 && random.chance(0.4));
    const name = random.chance(0.02)
      ? random.pick(TRANSACTIONS)
      : random.pick(begins ? closed : open);
    const command = begins ? "BEGIN" : random.pick(["COMMIT", "COMMIT", "ABORT"]);
    return this.#frame(command, this.#asked([["transaction", name]], 0.5));
  }

  #body(): Buffer {
    const { random } = this;
    return random.weighted<() => Buffer>([
      [50, () => Buffer.from(`message ${random.below(1_000)}`)],
      [10, () => Buffer.alloc(0)],
      [10, () => Buffer.from("é€😀 \\n \\c")],
      [10, () => random.bytes(random.below(64))],
      [5, () => Buffer.from("a\0b\n\0")],
      [3, () => Buffer.alloc(random.between(1_000, 20_000), "y")],
      [1, () => Buffer.alloc(random.pick([120_000, 130_000, 131_072]), "z")],
    ])();
  }

  #withBody(headers: [string, string][], body: Buffer): PlannedFrame {
    const needsLength = body.includes(0) || this.random.chance(0.5);
    const all: [string, string][] = needsLength
      ? [...headers, ["content-length", String(body.length)]]
      : headers;
    return { ...this.#frame("SEND", all), body };
  }

  #asked(headers: [string, string][], probability: number): [string, string][] {
    if (!this.random.chance(probability)) return headers;
    const odd = this.random.chance(0.1) ? this.random.pick(ODD_VALUES) : "";
    return [...headers, ["receipt", `${this.#receipt()}${odd}`]];
  }

  #receipt(): string {
    this.#receipts += 1;
    return `r${this.#receipts}`;
  }

  #frame(command: string, headers: readonly (readonly [string, string])[]): PlannedFrame {
    const { rules } = this.session;
    const eol = (rules === "1.2" || rules === null) && this.random.chance(0.1) ? "\r\n" : "\n";
    return {
      command,
      headers: headers.map(([a, b]) => [a, b]),
      rawLines: [],
      body: Buffer.alloc(0),
      eol,
    };
  }
}

export function writeFrame(frame: PlannedFrame, rules: Rules): Buffer {
  const { command, headers, rawLines, body, eol } = frame;
  const isPlain = command === "CONNECT" || command === "STOMP" || command === "CONNECTED";
  const write = (text: string) => (isPlain ? text : escaped(text, rules));
  const lines = headers.map(([name, value]) => `${write(name)}:${write(value)}${eol}`);
  for (const line of rawLines) lines.push(`${line}${eol}`);
  return Buffer.concat([
    Buffer.from(`${command}${eol}${lines.join("")}${eol}`),
    body,
    Buffer.of(0),
  ]);
}

/** A good client of 1.0 cannot say every value, and leaves it. */
function escaped(text: string, rules: Rules): string {
  if (rules === null) return text;
  if (rules === "1.0") return text.replace(/[\r\n]/g, " ");
  const escapes: Record<string, string> = { "\\": "\\\\", "\n": "\\n", ":": "\\c", "\r": "\\r" };
  return text.replace(/[\\\n:\r]/g, (character) => escapes[character] ?? "");
}
