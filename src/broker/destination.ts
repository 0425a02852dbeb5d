import { AppError } from "../errors.ts";

/** The queues that every user has, `/user/{userId}/queue/{name}`. */
export const USER_QUEUES = [
  "messages",
  "confirmations",
  "receipts",
  "profiles",
  "notices",
  "errors",
] as const;
export type UserQueue = (typeof USER_QUEUES)[number];

/**
 * Where frames go. `/user/queue/x` (`userId` null) means the caller's own queue, as in Spring.
 * `name` is the destination as the client wrote it.
 */
export type Destination =
  | { readonly kind: "topic"; readonly name: string }
  | { readonly kind: "queue"; readonly name: string }
  | {
      readonly kind: "user";
      readonly name: string;
      readonly userId: string | null;
      readonly queue: UserQueue;
    }
  | { readonly kind: "app"; readonly name: string };

const LONGEST_DESTINATION = 1_024;

/** Throws AppError UNKNOWN_DESTINATION when the text names none. */
export function parseDestination(name: string): Destination {
  if (name.length > LONGEST_DESTINATION) throw unknownDestination(`${name.slice(0, 64)}…`);
  if (name.startsWith("/app/") && name.length > 5) return { kind: "app", name };
  if (name.startsWith("/topic/") && name.length > 7) return { kind: "topic", name };
  if (name.startsWith("/queue/") && name.length > 7) return { kind: "queue", name };
  if (name.startsWith("/user/")) return parseUserDestination(name);
  throw unknownDestination(name);
}

export function unknownDestination(name: string): AppError {
  return new AppError("UNKNOWN_DESTINATION", `There is no destination ${name}`);
}

/** The one key of a user's queue, whichever way the client wrote it. */
export function userQueue(userId: string, queue: UserQueue): string {
  return `/user/${userId}/queue/${queue}`;
}

/** The keys of one user's queues. A key that is looked up often is one string, made once. */
export class UserQueueKeys {
  readonly #userId: string;
  #messages: string | undefined;
  #confirmations: string | undefined;
  #receipts: string | undefined;

  constructor(userId: string) {
    this.#userId = userId;
  }

  get messages(): string {
    this.#messages ??= userQueue(this.#userId, "messages");
    return this.#messages;
  }

  get confirmations(): string {
    this.#confirmations ??= userQueue(this.#userId, "confirmations");
    return this.#confirmations;
  }

  get receipts(): string {
    this.#receipts ??= userQueue(this.#userId, "receipts");
    return this.#receipts;
  }
}

function parseUserDestination(name: string): Destination {
  const rest = name.slice("/user/".length);
  const own = queueNamed(rest);
  if (own !== undefined) return { kind: "user", name, userId: null, queue: own };
  const slash = rest.indexOf("/");
  const queue = slash > 0 ? queueNamed(rest.slice(slash + 1)) : undefined;
  if (queue === undefined) throw unknownDestination(name);
  return { kind: "user", name, userId: rest.slice(0, slash), queue };
}

function queueNamed(path: string): UserQueue | undefined {
  return USER_QUEUES.find((queue) => path.length === queue.length + 6 && path === `queue/${queue}`);
}
