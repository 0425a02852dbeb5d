import type { Authentication } from "../auth/authentication.ts";
import { unknownDestination } from "../broker/destination.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { Chat } from "../chat/chat.ts";
import { syncedEvent } from "../chat/events.ts";
import type { SyncOutcome } from "../chat/sync.ts";
import type { Clock } from "../clock.ts";
import { AppError, toAppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { RECEIPT_DEFERRED } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { detached, detachedHead, type Frame } from "../stomp/frame.ts";
import { CONVERSATION_ROUTE, type ConversationRouter } from "./conversation-router.ts";
import { TYPING_ROUTE } from "./destinations.ts";
import type { DeviceReplays } from "./device-replays.ts";
import type { FrameRates } from "./frame-rates.ts";
import { MESSAGE_ROUTE, type MessageRouter } from "./message-router.ts";
import { parseSend } from "./message-schemas.ts";
import type { Permissions } from "./permissions.ts";
import { userProfileSchema } from "./profile-schemas.ts";
import {
  connectSchema,
  parseBody,
  presenceSchema,
  readSchema,
  refreshSchema,
  syncSchema,
  typingSchema,
} from "./schemas.ts";
import { JSON_HEADERS } from "./stomp-outlet.ts";
import { proveAnew } from "./token-refresh.ts";
import type { UserSessions } from "./user-sessions.ts";

type Handled = MaybePromise<typeof RECEIPT_DEFERRED | undefined>;

/** What is made of a character of JSON with many small values takes so many bytes. */
const BYTES_OF_JSON = 4;

export interface AppRouterOptions {
  readonly authentication: Authentication;
  readonly permissions: Permissions;
  readonly chat: Chat;
  readonly conversations: ConversationRouter;
  readonly messages: MessageRouter;
  readonly sessions: UserSessions;
  readonly replays: DeviceReplays;
  readonly rates: FrameRates;
  readonly clock: Clock;
  readonly newId: NewId;
}

/** What clients send to `/app/**`, checked and handed to chat. */
export class AppRouter {
  readonly #options: AppRouterOptions;

  constructor(options: AppRouterOptions) {
    this.#options = options;
  }

  /** Throws UNKNOWN_DESTINATION, INVALID_JSON, VALIDATION_FAILED and what chat throws. */
  handle(session: Session, destination: string, frame: Frame): Handled {
    switch (destination) {
      case "/app/chat.send":
        return this.#send(session, frame);
      case "/app/chat.read":
        return this.#read(session, frame);
      case "/app/chat.sync":
        return this.#sync(session, frame);
      case "/app/user.presence":
        return this.#presence(session, frame);
      case "/app/user.connect":
        return this.#connect(session, frame);
      case "/app/user.profile":
        return later(session, frame, this.#profile(session, frame));
      case "/app/auth.refresh":
        return this.#refresh(session, frame);
    }
    if (destination.startsWith(TYPING_ROUTE)) return this.#typing(session, destination, frame);
    const { conversations, messages } = this.#options;
    if (destination.startsWith(CONVERSATION_ROUTE)) {
      const { principal } = session;
      return later(session, frame, conversations.handle(principal, destination, frame.text()));
    }
    if (destination.startsWith(MESSAGE_ROUTE)) {
      const { principal } = session;
      return later(session, frame, messages.handle(principal, destination, frame.text()));
    }
    throw unknownDestination(destination);
  }

  #send(session: Session, frame: Frame): Handled {
    const message = parseSend(frame.text());
    const { clientMessageId } = message;
    const failed = (error: AppError) => {
      const { code, message: text, cause } = error;
      const details =
        clientMessageId === null ? error.details : { ...error.details, clientMessageId };
      return new AppError(code, text, { details, cause });
    };
    const withType = { ...message, type: message.type ?? "TEXT" };
    const settled = (error: AppError | null) =>
      session.settle(frame, error === null ? null : failed(error));
    try {
      this.#options.rates.message(session);
      const taken = this.#options.chat.messages.send(session.principal, withType, session, settled);
      if (!(taken instanceof Promise)) return RECEIPT_DEFERRED;
      return taken.then(
        () => RECEIPT_DEFERRED,
        (fault: unknown) => {
          throw fault instanceof AppError ? failed(fault) : fault;
        },
      );
    } catch (fault) {
      throw fault instanceof AppError ? failed(fault) : fault;
    }
  }

  #read(session: Session, frame: Frame): Handled {
    const { id } = parseBody(readSchema, frame.text());
    const { receipts, readRate } = this.#options.chat;
    readRate.spend(session.principal.userId, "read marks");
    return whenReady(receipts.read(session.principal.userId, id, session), () => undefined);
  }

  /**
   * A receipt says that it was understood; SYNCED, which is for this connection alone, that all has
   * been sent.
   */
  #sync(session: Session, frame: Frame): Handled {
    const { chat, replays, clock, newId } = this.#options;
    const { conversations } = parseBody(syncSchema, frame.text());
    chat.messageRate.spend(session.principal.userId, "syncs");
    const head = detachedHead(frame, ["destination", "receipt"]);
    const settled = (outcome: SyncOutcome | AppError) => {
      if (outcome instanceof AppError) {
        session.refuse(head, outcome);
        return;
      }
      const body = syncedEvent(outcome, clock.now());
      session.tell("confirmations", new Outgoing(newId(), body, JSON_HEADERS));
    };
    const positions = new Map(Object.entries(conversations));
    replays.sync(session, { positions, bytes: BYTES_OF_JSON * frame.body.length, settled });
    return undefined;
  }

  #typing(session: Session, destination: string, frame: Frame): Handled {
    const conversationId = detached(destination.slice(TYPING_ROUTE.length));
    const { isTyping } = parseBody(typingSchema, frame.text());
    const { userId } = session.principal;
    return whenReady(
      this.#options.chat.typing.set(userId, conversationId, isTyping),
      () => undefined,
    );
  }

  #presence(session: Session, frame: Frame): Handled {
    const { status } = parseBody(presenceSchema, frame.text());
    const { chat } = this.#options;
    const { userId } = session.principal;
    chat.signalRate.spend(userId, "presence signals");
    chat.presence.set(userId, status);
    return undefined;
  }

  /** Idempotent: announced once by a connection, and again after another status. */
  #connect(session: Session, frame: Frame): Handled {
    const { userId } = parseBody(connectSchema, frame.text());
    if (userId !== session.principal.userId) {
      throw new AppError("FORBIDDEN_DESTINATION", "userId: is not your own");
    }
    const appSession = this.#options.sessions.get(session);
    if (appSession === undefined) return undefined;
    if (appSession.announced && this.#options.chat.presence.isOnline(userId)) return undefined;
    this.#options.chat.signalRate.spend(userId, "presence signals");
    appSession.announced = true;
    this.#options.chat.presence.announce(userId);
    return undefined;
  }

  async #profile({ principal }: Session, frame: Frame): Promise<void> {
    const { chat } = this.#options;
    chat.messageRate.spend(principal.userId, "changes of this user");
    const change = parseBody(userProfileSchema, frame.text());
    await chat.users.change(principal, principal.userId, change);
  }

  async #refresh(session: Session, frame: Frame): Promise<undefined> {
    const { token } = parseBody(refreshSchema, frame.text());
    // Each is a signature to verify, or a call of the app's endpoint.
    this.#options.chat.messageRate.spend(session.principal.userId, "token refreshes");
    const principal = await proveAnew(session, token, this.#options.authentication);
    if (!session.isConnected) return;
    session.renew(principal);
    this.#options.permissions.endForbidden(session);
  }
}

/** The receipt, or the refusal, follows the change; meanwhile other frames have their turn. */
function later(session: Session, frame: Frame, change: Promise<void>): typeof RECEIPT_DEFERRED {
  change.then(
    () => session.settle(frame, null),
    (fault: unknown) => session.settle(frame, toAppError(fault)),
  );
  return RECEIPT_DEFERRED;
}
