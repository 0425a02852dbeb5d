/** What the reference judgement of a client's bytes says the server owes in return. */
export type Expectation =
  | { readonly kind: "connected" }
  /**
   * A frame that asked for a receipt. `by`: its RECEIPT, a refusal on the errors queue, or either.
   * Not owed is what may come unseen, because the client does not listen to its errors.
   */
  | {
      readonly kind: "answer";
      readonly receipt: string;
      readonly by: "receipt" | "refusal" | "either";
      readonly isOwed: boolean;
    }
  /** The client has stopped to listen to its errors: what is refused from now on is not seen. */
  | { readonly kind: "errors-unheard" }
  | { readonly kind: "pong"; readonly payload: string }
  /** An ERROR with one of the codes, and the end; nothing after it is answered. */
  | { readonly kind: "error"; readonly codes: readonly string[]; readonly why: string }
  /** The reference cannot tell: such an ERROR is as good as none. */
  | { readonly kind: "possible-error"; readonly codes: readonly string[] }
  /** The end, with or without an ERROR: what was broken is not STOMP, or the client said good-bye. */
  | { readonly kind: "close"; readonly why: string };
