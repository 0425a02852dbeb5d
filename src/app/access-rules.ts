import type { Principal } from "../auth/principal.ts";
import type { Destination } from "../broker/destination.ts";
import { isTooLong, isTopicPattern, TopicPattern, TopicWords } from "../broker/topic-pattern.ts";
import {
  type AccessAction,
  type AccessRule,
  type Grantee,
  USER_ID_PLACEHOLDER,
} from "../config/access-rule.ts";
import { AppError } from "../errors.ts";
import type { Session } from "../session/session.ts";
import { detached } from "../stomp/frame.ts";

/** Destinations whose answers are remembered for each user. */
const REMEMBERED = 32;

export interface AccessRulesOptions {
  readonly rules: readonly AccessRule[];
  /** Without rules, clients of this machine may use everything. */
  readonly openToLocal: boolean;
}

/**
 * Who may subscribe and send to `/topic/**` and `/queue/**`. What no rule grants is refused. Rules
 * say nothing of the destinations that the server itself publishes to.
 */
export class AccessRules {
  readonly #options: AccessRulesOptions;
  /** A principal is made anew when a user's roles change. */
  readonly #grants = new WeakMap<Principal, Grants>();

  /** Throws INVALID_CONFIGURATION for a pattern that is too long. */
  constructor(options: AccessRulesOptions) {
    this.#options = options;
    for (const { pattern } of options.rules) {
      if (!isTooLong(new TopicWords(asTopic(pattern)))) continue;
      const text = `access.rules: ${pattern} has too many wildcards, or too many words`;
      throw new AppError("INVALID_CONFIGURATION", text);
    }
  }

  /** Throws FORBIDDEN_DESTINATION. */
  assertPermitted(session: Session, action: AccessAction, destination: TopicOrQueue): void {
    if (this.permits(session, action, destination)) return;
    const text = `You may not ${action === "send" ? "send" : "subscribe"} to ${destination.name}`;
    throw new AppError("FORBIDDEN_DESTINATION", text);
  }

  permits(session: Session, action: AccessAction, destination: TopicOrQueue): boolean {
    const { rules, openToLocal } = this.#options;
    if (rules.length === 0) return openToLocal && !session.connection.remote.proxied;
    const { principal } = session;
    let grants = this.#grants.get(principal);
    if (grants === undefined) {
      grants = new Grants(rules, principal);
      this.#grants.set(principal, grants);
    }
    return grants.permit(action, destination);
  }
}

export type TopicOrQueue = Extract<Destination, { readonly kind: "topic" | "queue" }>;

/** The rules as they are for one user. */
class Grants {
  readonly #granted = {
    subscribe: { topic: new Granted(), queue: new Granted() },
    send: { topic: new Granted(), queue: new Granted() },
  };

  constructor(rules: readonly AccessRule[], principal: Principal) {
    for (const { pattern, actions, grantees } of rules) {
      const name = ownName(pattern, principal.userId);
      if (name === null || !grantees.some((grantee) => includes(grantee, principal))) continue;
      const kind = name.startsWith("/topic/") ? "topic" : "queue";
      for (const action of actions) this.#granted[action][kind].add(name);
    }
  }

  permit(action: AccessAction, { kind, name }: TopicOrQueue): boolean {
    return this.#granted[action][kind].permits(name, kind === "topic" && isTopicPattern(name));
  }
}

/** What one user may do one thing with. */
class Granted {
  readonly #names = new Set<string>();
  readonly #patterns: TopicPattern[] = [];
  readonly #remembered = new Map<string, boolean>();

  add(name: string): void {
    const pattern = TopicPattern.parse(asTopic(name));
    if (pattern === null) this.#names.add(name);
    else this.#patterns.push(pattern);
  }

  permits(name: string, isPattern: boolean): boolean {
    if (this.#names.has(name)) return true;
    if (this.#patterns.length === 0) return false;
    const known = this.#remembered.get(name);
    if (known !== undefined) return known;
    const words = new TopicWords(asTopic(name));
    const isPermitted = this.#patterns.some((pattern) =>
      isPattern ? pattern.covers(words) : pattern.matches(words),
    );
    if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
    this.#remembered.set(detached(name), isPermitted);
    return isPermitted;
  }
}

function includes(grantee: Grantee, { userId, roles }: Principal): boolean {
  switch (grantee.kind) {
    case "everyone":
      return true;
    case "role":
      return roles.includes(grantee.name);
    case "user":
      return grantee.name === userId;
  }
}

/** null for a user whose id would be a wildcard in the pattern, or have more words than fit. */
function ownName(pattern: string, userId: string): string | null {
  if (!pattern.includes(USER_ID_PLACEHOLDER)) return pattern;
  if (isTopicPattern(`/topic/${userId}`)) return null;
  const name = pattern.replaceAll(USER_ID_PLACEHOLDER, () => userId);
  const topic = asTopic(name);
  return isTopicPattern(topic) && isTooLong(new TopicWords(topic)) ? null : name;
}

/** Queues have no wildcards of their own; rules know them by the words that topics have. */
function asTopic(name: string): string {
  return `/topic/${name.slice("/topic/".length)}`;
}
