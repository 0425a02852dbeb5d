/**
 * What a session must make of well-formed frames, written once more from the contract. Where the
 * outcome hangs on what only the server knows, it says so (`either`, `possible-error`) instead of
 * guessing.
 */
import type { Expectation } from "../expectation.ts";
import { judgeDestination } from "./destinations.ts";
import { headerOf, type ReferenceFrame, type Rules } from "./stomp.ts";

export interface KnownSubscription {
  readonly id: string;
  readonly destination: string;
  readonly ackMode: string;
  /** The server may have refused it, or may have ended it. */
  readonly isSure: boolean;
}

/** What a MESSAGE said about how to acknowledge it. */
export interface SeenMessage {
  readonly messageId: string;
  readonly subscription: KnownSubscription;
  readonly ack: string | undefined;
}

const AUTHENTICATION = ["AUTHENTICATION_REQUIRED", "AUTHENTICATION_FAILED"];
const SERVER_FRAMES = ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"];

export class ReferenceSession {
  rules: Rules = null;
  isConnected = false;
  isOver = false;
  userId = "";
  readonly subscriptions = new Map<string, KnownSubscription>();
  /** All that were ever asked for: messages may still come. */
  readonly everSubscribed: KnownSubscription[] = [];
  readonly #unacknowledged: SeenMessage[] = [];
  /** Acknowledged, or perhaps so. */
  readonly #doubtful = new Set<SeenMessage>();
  readonly #transactions = new Set<string>();
  #isBlind = true;

  frame(frame: ReferenceFrame): Expectation[] {
    if (this.isOver) return [];
    const expectations = this.#judge(frame);
    this.isOver = expectations.some(({ kind }) => kind === "error" || kind === "close");
    return expectations;
  }

  /** The server delivered it. */
  seen(message: SeenMessage): void {
    if (message.subscription.ackMode !== "auto") this.#unacknowledged.push(message);
  }

  /** Messages that wait for an ACK, for all that the client knows. */
  acknowledgeable(): readonly SeenMessage[] {
    return this.#unacknowledged.filter((message) => !this.#doubtful.has(message));
  }

  get openTransactions(): readonly string[] {
    return [...this.#transactions];
  }

  #judge(frame: ReferenceFrame): Expectation[] {
    const { command } = frame;
    if (command === "CONNECT" || command === "STOMP") return this.#connect(frame);
    if (!this.isConnected) return refused("NOT_CONNECTED", `${command} before CONNECT`);
    switch (command) {
      case "SEND":
        return this.#send(frame);
      case "SUBSCRIBE":
        return this.#subscribe(frame);
      case "UNSUBSCRIBE":
        return this.#unsubscribe(frame);
      case "ACK":
      case "NACK":
        return this.#acknowledge(frame);
      case "BEGIN":
      case "COMMIT":
      case "ABORT":
        return refused("UNSUPPORTED_TRANSACTION", command);
      case "DISCONNECT":
        return [...this.#answer(frame, "receipt"), { kind: "close", why: "DISCONNECT" }];
      default:
        return refused("UNKNOWN_COMMAND", SERVER_FRAMES.includes(command) ? command : "unknown");
    }
  }

  #connect(frame: ReferenceFrame): Expectation[] {
    if (this.isConnected) return refused("ALREADY_CONNECTED", "a second CONNECT");
    const offered = headerOf(frame, "accept-version")?.split(",");
    const versions = offered?.map((version) => version.trim()) ?? ["1.0"];
    const version = (["1.2", "1.1", "1.0"] as const).find((known) => versions.includes(known));
    if (version === undefined) return refused("UNSUPPORTED_VERSION", "no common version");
    const heartbeat = headerOf(frame, "heart-beat") ?? "0,0";
    if (!/^\d{1,9},\d{1,9}$/.test(heartbeat)) return refused("INVALID_HEADER", "heart-beat");
    this.rules = version;
    const named =
      headerOf(frame, "X-User-Id") ?? headerOf(frame, "x-user-id") ?? headerOf(frame, "login");
    if (!isUserId(named ?? "")) return refused(AUTHENTICATION, "nobody is named");
    this.isConnected = true;
    this.userId = named ?? "";
    return [{ kind: "connected" }];
  }

  #send(frame: ReferenceFrame): Expectation[] {
    if (headerOf(frame, "transaction") !== undefined) {
      return refused("UNSUPPORTED_TRANSACTION", "a transaction");
    }
    const destination = headerOf(frame, "destination") ?? "";
    if (destination === "") return refused("MISSING_HEADER", "SEND without destination");
    switch (judgeDestination(destination, this.userId).send(frame.body)) {
      case "taken":
        return this.#answer(frame, "receipt");
      case "either":
        return this.#answer(frame, "either");
      case "refused":
        return this.#answer(frame, "refusal");
      case "malformed":
        return refused("MALFORMED_FRAME", "a body that is not UTF-8");
    }
  }

  #subscribe(frame: ReferenceFrame): Expectation[] {
    const destination = headerOf(frame, "destination") ?? "";
    if (destination === "") return refused("MISSING_HEADER", "SUBSCRIBE without destination");
    const given = headerOf(frame, "id") ?? "";
    const ackMode = headerOf(frame, "ack") ?? "auto";
    const faults: string[] = [];
    if (!["auto", "client", "client-individual"].includes(ackMode)) faults.push("INVALID_HEADER");
    if (given === "" && this.rules !== "1.0") faults.push("MISSING_HEADER");
    const { isKnown, subscribe } = judgeDestination(destination, this.userId);
    if (faults.length > 0) {
      if (isKnown) return refused(faults, "SUBSCRIBE with a bad header");
      // Two things are wrong; which one is told first is the server's choice.
      return [...this.#answer(frame, "refusal", false), { kind: "possible-error", codes: faults }];
    }
    if (!isKnown) return this.#answer(frame, "refusal");
    const id = headerOf(frame, "id") ?? destination;
    const known = this.subscriptions.get(id);
    if (known?.isSure === true && subscribe !== "either") {
      if (known.destination === destination) return this.#answer(frame, "receipt");
      return refused("SUBSCRIPTION_ID_IN_USE", `id ${JSON.stringify(id)}`);
    }
    if (known !== undefined && known.destination !== destination) {
      this.#add({ id, destination, ackMode, isSure: false });
      return [
        ...this.#answer(frame, "either", false),
        { kind: "possible-error", codes: ["SUBSCRIPTION_ID_IN_USE"] },
      ];
    }
    switch (subscribe) {
      case "taken":
        this.#add({ id, destination, ackMode, isSure: true });
        return this.#answer(frame, "receipt");
      case "either":
        this.#add({ id, destination, ackMode, isSure: false });
        // Refused now, it may be accepted later, with its receipt, or stand in the way of its id.
        return [
          ...this.#answer(frame, "either"),
          { kind: "possible-error", codes: ["SUBSCRIPTION_ID_IN_USE"] },
        ];
      case "refused":
        return this.#answer(frame, "refusal");
    }
  }

  #add(subscription: KnownSubscription): void {
    this.subscriptions.set(subscription.id, subscription);
    this.everSubscribed.push(subscription);
    this.#isBlind = !this.#listensToErrors();
  }

  #unsubscribe(frame: ReferenceFrame): Expectation[] {
    const given = headerOf(frame, "id");
    const id = this.rules === "1.0" ? (given ?? headerOf(frame, "destination")) : given;
    if (id === undefined || (id === "" && (this.rules !== "1.0" || given === undefined))) {
      return refused("MISSING_HEADER", "UNSUBSCRIBE without id");
    }
    this.subscriptions.delete(id);
    const wasBlind = this.#isBlind;
    this.#isBlind = !this.#listensToErrors();
    const answer = this.#answer(frame, "receipt");
    return this.#isBlind && !wasBlind ? [{ kind: "errors-unheard" }, ...answer] : answer;
  }

  #acknowledge(frame: ReferenceFrame): Expectation[] {
    if (headerOf(frame, "transaction") !== undefined) {
      return refused("UNSUPPORTED_TRANSACTION", "a transaction");
    }
    const names = { "1.0": ["message-id"], "1.1": ["message-id", "subscription"], "1.2": ["id"] };
    for (const name of names[this.rules ?? "1.2"]) {
      if ((headerOf(frame, name) ?? "") === "") {
        return refused("MISSING_HEADER", `${frame.command} without ${name}`);
      }
    }
    const named = this.#unacknowledged.filter((message) => isNamedBy(frame, message, this.rules));
    const [message] = named;
    if (message === undefined) return refused("UNKNOWN_ACK", "nobody sent such a message");
    const bound = this.subscriptions.get(message.subscription.id) === message.subscription;
    const isSure = bound && named.length === 1 && !this.#doubtful.has(message);
    this.#acknowledged(message);
    if (isSure && message.subscription.isSure) return this.#answer(frame, "receipt");
    return [
      ...this.#answer(frame, "receipt", true),
      { kind: "possible-error", codes: ["UNKNOWN_ACK"] },
    ];
  }

  /** In `client` mode everything before it is acknowledged too. */
  #acknowledged(message: SeenMessage): void {
    const { subscription } = message;
    const index = this.#unacknowledged.indexOf(message);
    for (const [at, other] of this.#unacknowledged.entries()) {
      const isBefore = at < index && other.subscription === subscription;
      const isCovered = isBefore && subscription.ackMode === "client";
      if (isCovered || at === index || other.messageId === message.messageId) {
        this.#doubtful.add(other);
      }
    }
  }

  #answer(
    frame: ReferenceFrame,
    by: "receipt" | "refusal" | "either",
    isOwed = by === "receipt" || !this.#isBlind,
  ): Expectation[] {
    const receipt = headerOf(frame, "receipt");
    return receipt === undefined ? [] : [{ kind: "answer", receipt, by, isOwed }];
  }

  #listensToErrors(): boolean {
    const names = ["/user/queue/errors", `/user/${this.userId}/queue/errors`];
    return [...this.subscriptions.values()].some(({ destination }) => names.includes(destination));
  }
}

function isNamedBy(frame: ReferenceFrame, message: SeenMessage, rules: Rules): boolean {
  if (rules === "1.2") return headerOf(frame, "id") === message.ack;
  if (headerOf(frame, "message-id") !== message.messageId) return false;
  const subscription = headerOf(frame, "subscription");
  return subscription === undefined || subscription === message.subscription.id;
}

function refused(codes: string | readonly string[], why: string): Expectation[] {
  return [{ kind: "error", codes: typeof codes === "string" ? [codes] : codes, why }];
}

/** Ids stand in destinations. */
function isUserId(text: string): boolean {
  return text.length > 0 && text.length <= 128 && !/[\s/*\p{Cc}\p{Cs}]/u.test(text);
}
