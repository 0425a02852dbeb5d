/**
 * What a session must make of well-formed frames, written once more from the contract. Where the
 * outcome hangs on what only the server knows, it says so (`either`, `possible-error`) instead of
 * guessing.
 */
import type { Expectation } from "../expectation.ts";
import { type DestinationJudgement, judgeDestination } from "./destinations.ts";
import { type KnownSubscription, SeenMessages } from "./seen-messages.ts";
import { headerOf, type ReferenceFrame, type Rules } from "./stomp.ts";

/** What is told on the errors queue, or with an ERROR to a client that does not listen there. */
const REFUSALS = [
  ...["FORBIDDEN_DESTINATION", "UNKNOWN_DESTINATION", "INVALID_JSON", "VALIDATION_FAILED"],
  ...["CONVERSATION_NOT_FOUND", "MESSAGE_NOT_FOUND", "RATE_LIMITED", "QUEUE_FULL"],
];
/** Open at a time. */
const MOST_TRANSACTIONS = 16;

/** What is in an open transaction, as far as it can make its COMMIT fail. */
interface Transaction {
  /** Bytes of what it holds, roughly. */
  bytes: number;
  readonly risks: Set<string>;
}

/** What may be wrong with a queue only when it is looked at. */
const QUEUE_RISKS = ["QUEUE_FULL"];
/** Below the limit of a connection's transactions, however it is counted. */
const SURE_TRANSACTION_BYTES = 400_000;

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
  readonly messages = new SeenMessages();
  readonly #transactions = new Map<string, Transaction>();
  #isBlind = true;

  frame(frame: ReferenceFrame): Expectation[] {
    if (this.isOver) return [];
    const expectations = this.#judge(frame);
    this.isOver = expectations.some(({ kind }) => kind === "error" || kind === "close");
    return expectations;
  }

  get openTransactions(): readonly string[] {
    return [...this.#transactions.keys()];
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
        return this.#transaction(frame, headerOf(frame, "transaction") ?? "");
      case "DISCONNECT":
        return [...this.#answer(frame, "receipt", true), { kind: "close", why: "DISCONNECT" }];
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
    const destination = headerOf(frame, "destination") ?? "";
    if (destination === "") return refused("MISSING_HEADER", "SEND without destination");
    const judgement = judgeDestination(destination, this.userId);
    const hasBadExpiry = !/^\d{1,15}$/.test(headerOf(frame, "expires") ?? "0");
    const badHeaders = judgement.isQueue && hasBadExpiry ? ["INVALID_HEADER"] : [];
    const name = headerOf(frame, "transaction");
    if (name !== undefined) return this.#sendLater(frame, name, judgement, badHeaders);
    if (badHeaders.length > 0) {
      return [...refused([...badHeaders, "QUEUE_FULL"], "a bad expires")];
    }
    switch (judgement.send(frame.body)) {
      case "taken":
        return this.#outcome(frame, "receipt");
      case "either":
        return this.#outcome(frame, "either");
      case "refused":
        return this.#outcome(frame, "refusal");
      case "malformed":
        return refused("MALFORMED_FRAME", "a body that is not UTF-8");
    }
  }

  /** In a transaction everything that is wrong is an ERROR. */
  #sendLater(
    frame: ReferenceFrame,
    name: string,
    judgement: DestinationJudgement,
    badHeaders: readonly string[],
  ): Expectation[] {
    const transaction = this.#transactions.get(name);
    const faults = [...badHeaders];
    if (!judgement.permitsSend) faults.push("FORBIDDEN_DESTINATION", "UNKNOWN_DESTINATION");
    if (transaction === undefined) faults.push("UNKNOWN_TRANSACTION");
    if (faults.length > 0 || transaction === undefined) {
      return refused([...faults, ...QUEUE_RISKS], "a SEND that its transaction cannot take");
    }
    transaction.bytes += frame.body.length;
    if (judgement.isQueue) for (const risk of QUEUE_RISKS) transaction.risks.add(risk);
    if (judgement.send(frame.body) === "malformed") transaction.risks.add("MALFORMED_FRAME");
    const codes = judgement.isQueue ? [...QUEUE_RISKS] : [];
    if (this.#transactionBytes() > SURE_TRANSACTION_BYTES) codes.push("TRANSACTION_LIMIT_EXCEEDED");
    return [...this.#answer(frame, "receipt", true), ...possibly(codes)];
  }

  #transactionBytes(): number {
    return [...this.#transactions.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #transaction(frame: ReferenceFrame, name: string): Expectation[] {
    if (name === "") return refused("MISSING_HEADER", `${frame.command} without transaction`);
    const transaction = this.#transactions.get(name);
    if (frame.command === "BEGIN") {
      if (transaction !== undefined) return refused("TRANSACTION_IN_USE", name);
      if (this.#transactions.size >= MOST_TRANSACTIONS) {
        return refused("TRANSACTION_LIMIT_EXCEEDED", "too many transactions");
      }
      this.#transactions.set(name, { bytes: 0, risks: new Set() });
      return this.#answer(frame, "receipt", true);
    }
    if (transaction === undefined) return refused("UNKNOWN_TRANSACTION", name);
    this.#transactions.delete(name);
    const risks = frame.command === "COMMIT" ? [...transaction.risks] : [];
    return [...this.#answer(frame, "receipt", true), ...possibly(risks)];
  }

  #subscribe(frame: ReferenceFrame): Expectation[] {
    const destination = headerOf(frame, "destination") ?? "";
    if (destination === "") return refused("MISSING_HEADER", "SUBSCRIBE without destination");
    const { isKnown, subscribe } = judgeDestination(destination, this.userId);
    if (!isKnown) return this.#withFaults(frame, this.#subscribeFaults(frame), "refusal");
    const id = headerOf(frame, "id") ?? destination;
    const known = this.subscriptions.get(id);
    const faults = this.#subscribeFaults(frame);
    if (known?.isSure === true && subscribe !== "either") {
      // Once more the same.
      const isSame =
        known.destination === destination && known.ackMode === (headerOf(frame, "ack") ?? "auto");
      if (isSame) return this.#withFaults(frame, faults, "receipt");
      return refused(["SUBSCRIPTION_ID_IN_USE", ...faults], `id ${JSON.stringify(id)}`);
    }
    if (faults.length > 0) return refused(faults, "SUBSCRIBE with a bad header");
    const ackMode = headerOf(frame, "ack") ?? "auto";
    const isSure = subscribe === "taken" && known === undefined;
    if (subscribe !== "refused") this.#add({ id, destination, ackMode, isSure });
    if (subscribe === "taken" && known !== undefined) {
      return [...this.#answer(frame, "either", false), ...possibly(["SUBSCRIPTION_ID_IN_USE"])];
    }
    switch (subscribe) {
      case "taken":
        return this.#outcome(frame, "receipt");
      case "refused":
        return this.#withFaults(
          frame,
          known === undefined ? [] : ["SUBSCRIPTION_ID_IN_USE"],
          "refusal",
        );
      case "either":
        // Refused now, it may be accepted later, with its receipt, or stand in the way of its id.
        return [
          ...this.#answer(frame, "either", !this.#isUnheard(frame)),
          ...possibly(["SUBSCRIPTION_ID_IN_USE", ...REFUSALS]),
        ];
    }
  }

  #subscribeFaults(frame: ReferenceFrame): string[] {
    const faults: string[] = [];
    const ackMode = headerOf(frame, "ack") ?? "auto";
    const prefetch = headerOf(frame, "prefetch-count") ?? "1";
    if (!["auto", "client", "client-individual"].includes(ackMode)) faults.push("INVALID_HEADER");
    if (!/^\d{1,9}$/.test(prefetch)) faults.push("INVALID_HEADER");
    if ((headerOf(frame, "id") ?? "") === "" && this.rules !== "1.0") faults.push("MISSING_HEADER");
    return faults;
  }

  /** Two things are wrong, or one that may go unseen: which is told is the server's choice. */
  #withFaults(
    frame: ReferenceFrame,
    faults: readonly string[],
    by: "receipt" | "refusal",
  ): Expectation[] {
    if (faults.length === 0) return this.#outcome(frame, by);
    if (by === "refusal" && this.#isUnheard(frame)) return refused([...faults, ...REFUSALS], by);
    return [...this.#answer(frame, by, true), ...possibly(faults)];
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
    const answer = this.#outcome(frame, "receipt");
    if (!this.#isBlind || wasBlind) return answer;
    return [{ kind: "errors-unheard" }, ...possibly(REFUSALS), ...answer];
  }

  #acknowledge(frame: ReferenceFrame): Expectation[] {
    const names = { "1.0": ["message-id"], "1.1": ["message-id", "subscription"], "1.2": ["id"] };
    for (const name of names[this.rules ?? "1.2"]) {
      if ((headerOf(frame, name) ?? "") === "") {
        const codes = ["MISSING_HEADER", "UNKNOWN_TRANSACTION"];
        return refused(codes, `${frame.command} without ${name}`);
      }
    }
    const named = this.messages.namedBy(frame, this.rules);
    const [message] = named;
    const name = headerOf(frame, "transaction");
    const transaction = this.#transactions.get(name ?? "");
    if (name !== undefined && transaction === undefined) {
      return refused(["UNKNOWN_TRANSACTION", "UNKNOWN_ACK"], "no such transaction");
    }
    if (message === undefined) return refused("UNKNOWN_ACK", "nobody sent such a message");
    transaction?.risks.add("UNKNOWN_ACK");
    const bound = this.subscriptions.get(message.subscription.id) === message.subscription;
    const isSure = bound && named.length === 1 && this.messages.isWaiting(message);
    this.messages.acknowledged(message);
    const risks = isSure && message.isSure && message.subscription.isSure ? [] : ["UNKNOWN_ACK"];
    return [...this.#answer(frame, "receipt", true), ...possibly(risks)];
  }

  /** What is taken gets a RECEIPT; what is refused is told, one way or the other. */
  #outcome(frame: ReferenceFrame, by: "receipt" | "refusal" | "either"): Expectation[] {
    if (by === "receipt" || !this.#isUnheard(frame)) return this.#answer(frame, by, true);
    if (this.#goesUntold(frame)) return [];
    if (by === "refusal") return refused(REFUSALS, "refused, and nobody listens to errors");
    return [...this.#answer(frame, by, true), ...possibly(REFUSALS)];
  }

  /** Refusals of the frame would be an ERROR. */
  #isUnheard(frame: ReferenceFrame): boolean {
    return this.#isBlind || headerOf(frame, "transaction") !== undefined;
  }

  /** Nobody asked, and nobody listens. */
  #goesUntold(frame: ReferenceFrame): boolean {
    const isCall = headerOf(frame, "destination")?.startsWith("/app/") === true;
    const asks = ["receipt", "transaction"].some((name) => headerOf(frame, name) !== undefined);
    return frame.command === "SEND" && isCall && !asks;
  }

  #answer(
    frame: ReferenceFrame,
    by: "receipt" | "refusal" | "either",
    isOwed: boolean,
  ): Expectation[] {
    const receipt = headerOf(frame, "receipt");
    return receipt === undefined ? [] : [{ kind: "answer", receipt, by, isOwed }];
  }

  #listensToErrors(): boolean {
    const names = ["/user/queue/errors", `/user/${this.userId}/queue/errors`];
    return [...this.subscriptions.values()].some(({ destination }) => names.includes(destination));
  }
}

function possibly(codes: readonly string[]): Expectation[] {
  return codes.length === 0 ? [] : [{ kind: "possible-error", codes }];
}

function refused(codes: string | readonly string[], why: string): Expectation[] {
  return [{ kind: "error", codes: typeof codes === "string" ? [codes] : codes, why }];
}

/** Ids stand in destinations. */
function isUserId(text: string): boolean {
  return text.length > 0 && text.length <= 128 && !/[\s/*\p{Cc}\p{Cs}]/u.test(text);
}
