import { ANSWER_MUTATIONS } from "./mutations/answers.ts";
import { HISTORY_MUTATIONS } from "./mutations/history.ts";
import type { Mutation } from "./mutations/mutation.ts";
import { RECEIPT_MUTATIONS } from "./mutations/receipts.ts";

/** Every lie that the checker must see through. */
export const MUTATIONS: readonly Mutation[] = [
  ...HISTORY_MUTATIONS,
  ...RECEIPT_MUTATIONS,
  ...ANSWER_MUTATIONS,
];
