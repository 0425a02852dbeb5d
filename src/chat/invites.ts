import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Actor } from "./actor.ts";
import type { Conversation } from "./conversation.ts";
import { type Conversations, conversationNotFound } from "./conversations.ts";
import type { Membership } from "./membership.ts";
import { managed } from "./roles.ts";

/** A link by which whoever has it may join a group. Times are epoch milliseconds. */
export interface Invite {
  /** What makes the link: nobody guesses it. */
  readonly code: string;
  readonly conversationId: string;
  readonly creatorId: string;
  readonly createdMs: number;
  /** null: it holds until it is revoked. */
  readonly expiresMs: number | null;
}

/** Where invites are kept. Writes resolve when they are durable, and reject with STORAGE_UNAVAILABLE. */
export interface InviteStore {
  /** Of a conversation that is there. */
  put(invite: Invite): Promise<void>;
  /** A no-op where there is none. */
  remove(code: string): Promise<void>;
  byCode(code: string): MaybePromise<Invite | null>;
  /** The oldest first, also those that hold no longer. */
  ofConversation(conversationId: string): MaybePromise<Invite[]>;
  /** Those that the user has made, ascending by code, behind that one; null begins with the first. */
  madeBy(creatorId: string, after: string | null, limit: number): MaybePromise<Invite[]>;
}

export interface InvitesOptions {
  readonly store: InviteStore;
  readonly conversations: Conversations;
  readonly membership: Membership;
  readonly clock: Clock;
  /** At least 128 random bits, as text for a URL. */
  readonly newCode: () => string;
}

/** Of one conversation, those that hold. */
const MOST_INVITES = 100;

/** Joining by a link. */
export class Invites {
  readonly #options: InvitesOptions;

  constructor(options: InvitesOptions) {
    this.#options = options;
  }

  /**
   * For who looks after the group. Rejects with CONVERSATION_NOT_FOUND, NOT_PERMITTED,
   * VALIDATION_FAILED where it has many already, or is none.
   */
  async create(actor: Actor, conversationId: string, expiresMs: number | null): Promise<Invite> {
    const { store, clock, newCode } = this.#options;
    await this.#managedGroup(actor, conversationId);
    const kept = await this.#removeExpired(conversationId);
    if (kept.length >= MOST_INVITES) {
      throw new AppError("VALIDATION_FAILED", `A group has at most ${MOST_INVITES} links`);
    }
    const invite = {
      ...{ code: newCode(), conversationId, creatorId: actor.userId },
      ...{ createdMs: clock.now(), expiresMs },
    };
    await store.put(invite);
    return invite;
  }

  /** As `create`. Those that hold, the oldest first. */
  async list(actor: Actor, conversationId: string): Promise<Invite[]> {
    await this.#managedGroup(actor, conversationId);
    const invites = await this.#options.store.ofConversation(conversationId);
    return invites.filter((invite) => this.#holds(invite));
  }

  /** As `create`. A no-op where the group has no such link. */
  async revoke(actor: Actor, conversationId: string, code: string): Promise<void> {
    const { store } = this.#options;
    await this.#managedGroup(actor, conversationId);
    const invite = await store.byCode(code);
    if (invite?.conversationId === conversationId) await store.remove(code);
  }

  /** What the link leads to, for who may not be a member yet. Rejects with INVITE_NOT_FOUND. */
  async preview(code: string): Promise<Conversation> {
    const { conversationId } = await this.#held(code);
    const conversation = await this.#options.conversations.findFresh(conversationId);
    if (conversation === null) throw inviteNotFound();
    return conversation;
  }

  /**
   * The user is a member from then on, see `Membership.join`; the conversation's id. Rejects with
   * INVITE_NOT_FOUND.
   */
  async join(actor: Actor, code: string): Promise<string> {
    const { conversationId } = await this.#held(code);
    await this.#options.membership.join(actor, conversationId);
    return conversationId;
  }

  async #held(code: string): Promise<Invite> {
    const invite = await this.#options.store.byCode(code);
    if (invite === null || !this.#holds(invite)) throw inviteNotFound();
    return invite;
  }

  #holds({ expiresMs }: Invite): boolean {
    return expiresMs === null || expiresMs > this.#options.clock.now();
  }

  async #managedGroup(actor: Actor, conversationId: string): Promise<void> {
    const found = await this.#options.conversations.findFresh(conversationId);
    const { kind, persisted } = managed(found, conversationId, actor);
    // Its links follow it to disk, not the other way round.
    if (!persisted) throw conversationNotFound(conversationId);
    if (kind === "direct") {
      throw new AppError("VALIDATION_FAILED", "Nobody joins a direct conversation");
    }
  }

  async #removeExpired(conversationId: string): Promise<Invite[]> {
    const { store } = this.#options;
    const kept: Invite[] = [];
    for (const invite of await store.ofConversation(conversationId)) {
      if (this.#holds(invite)) kept.push(invite);
      else await store.remove(invite.code);
    }
    return kept;
  }
}

function inviteNotFound(): AppError {
  return new AppError("INVITE_NOT_FOUND", "There is no such link, or it holds no longer");
}
