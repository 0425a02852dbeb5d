/** What a rule guards against; `other` is neither lost, doubled nor out of order, and no less wrong. */
export type FaultKind = "missing" | "doubled" | "disordered" | "other";

/** Every rule of the checker, by the name that reports use. */
export const RULES = {
  "confirmed-missing": { kind: "missing", meaning: "a confirmed message is not in the history" },
  "receipt-missing": { kind: "missing", meaning: "a device that caught up never got a message" },
  "synced-early": { kind: "missing", meaning: "SYNCED came although a message was left out" },
  "resync-missing": {
    kind: "missing",
    meaning: "a device that had seen a lost message was not told to resync",
  },
  "history-doubled": { kind: "doubled", meaning: "the history has one message twice" },
  "confirmed-twice": { kind: "doubled", meaning: "one message was confirmed as two" },
  "received-twice": { kind: "doubled", meaning: "one connection got a message twice" },
  "repeated-unmarked": {
    kind: "doubled",
    meaning: "a device got a message again that was not marked as replay",
  },
  "two-ids": { kind: "doubled", meaning: "a device got a confirmed message again with another id" },
  "history-gap": { kind: "disordered", meaning: "the history's seq is not 1, 2, 3 …" },
  "receipt-order": {
    kind: "disordered",
    meaning: "a connection did not get a conversation seq by seq",
  },
  "seq-differs": { kind: "disordered", meaning: "a message has another seq than was told before" },
  "send-order": {
    kind: "disordered",
    meaning: "seq contradicts the order in which one connection sent",
  },
  "content-altered": { kind: "other", meaning: "a message's content is not what was sent" },
  "nobody-sent": { kind: "other", meaning: "a message that nobody sent so" },
  "not-a-member": { kind: "other", meaning: "a message of a conversation that is not the user's" },
  "foreign-confirmation": {
    kind: "other",
    meaning: "a confirmation of a message that the user did not send",
  },
  "refused-confirmed": {
    kind: "other",
    meaning: "a message was confirmed that all servers had refused",
  },
  "delivered-early": {
    kind: "other",
    meaning: "DELIVERED came before the recipient's acknowledgement",
  },
} as const satisfies { readonly [name: string]: { kind: FaultKind; meaning: string } };

export type RuleName = keyof typeof RULES;

export interface Fault {
  readonly rule: RuleName;
  /** For people: which message, which device. */
  readonly text: string;
}

export function kindOf({ rule }: Fault): FaultKind {
  return RULES[rule].kind;
}
