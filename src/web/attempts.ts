import { ApiError } from "./requests.ts";

export const UNREACHABLE = "The server cannot be reached. Try again in a moment.";

/** Where the server names ids and paths, or counts bytes. */
const WORDS: Readonly<Record<string, string>> = {
  NOT_FOUND: "This server does not offer that.",
  ATTACHMENT_NOT_FOUND: "This file is not there any more.",
  ATTACHMENT_IN_USE: "This file is in another message already.",
  ATTACHMENT_TOO_LARGE: "This file is too large.",
  ATTACHMENT_TYPE_REFUSED: "Files of this kind are not taken, and empty ones neither.",
  ATTACHMENT_QUOTA_EXCEEDED:
    "Your files take all the room you have: delete messages with files first.",
  UPLOAD_INCOMPLETE: "This file did not arrive whole.",
};

/** What came of something that the user asked for: the answer, or in words why there is none. */
export type Outcome<Answer> =
  | { readonly isDone: true; readonly answer: Answer }
  | {
      readonly isDone: false;
      readonly reason: string;
      /** It would be refused again. */
      readonly isFinal: boolean;
    };

/** Makes a call, and says what came of it. Who is to sign in anew is told so by `onRefused`. */
export type Attempt = <Answer>(call: () => Promise<Answer>) => Promise<Outcome<Answer>>;

export function attemptWith(onRefused: (message: string) => void): Attempt {
  return async (call) => {
    try {
      return { isDone: true, answer: await call() };
    } catch (fault) {
      if (fault instanceof ApiError && fault.status === 401) onRefused(fault.message);
      return { isDone: false, reason: reasonOf(fault), isFinal: isFinal(fault) };
    }
  };
}

/** Why the server refuses something: its own `message`, or a better one. */
export function inWords(code: string, message: string): string {
  return WORDS[code] ?? message;
}

function isFinal(fault: unknown): boolean {
  return fault instanceof ApiError && !fault.isRetryable;
}

function reasonOf(fault: unknown): string {
  if (fault instanceof ApiError) return inWords(fault.code, fault.message) || UNREACHABLE;
  if (fault instanceof TypeError) return UNREACHABLE;
  throw fault;
}
