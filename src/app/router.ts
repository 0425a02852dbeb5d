import { unknownDestination } from "../broker/destination.ts";
import type { Chat } from "../chat/chat.ts";
import { AppError } from "../errors.ts";
import { type MaybePromise, whenReady } from "../maybe-promise.ts";
import { RECEIPT_DEFERRED } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { detached, type Frame } from "../stomp/frame.ts";
import {
  connectSchema,
  parseBody,
  presenceSchema,
  readSchema,
  sendSchema,
  typingSchema,
} from "./schemas.ts";
import type { UserSessions } from "./user-sessions.ts";

type Handled = MaybePromise<typeof RECEIPT_DEFERRED | undefined>;

const TYPING = "/app/chat.typing/";

const ROUTES = new Set([
  ...["/app/chat.send", "/app/chat.read", "/app/user.presence", "/app/user.connect"],
]);

/** What clients send to `/app/**`, checked and handed to chat. */
export class AppRouter {
  constructor(
    readonly chat: Chat,
    readonly sessions: UserSessions,
  ) {}

  /** Throws UNKNOWN_DESTINATION when nothing is behind the destination. */
  assertKnown(destination: string): void {
    if (!ROUTES.has(destination) && !destination.startsWith(TYPING)) {
      throw unknownDestination(destination);
    }
  }

  /** Throws UNKNOWN_DESTINATION, INVALID_JSON, VALIDATION_FAILED and what chat throws. */
  handle(session: Session, destination: string, frame: Frame): Handled {
    switch (destination) {
      case "/app/chat.send":
        return this.#send(session, frame);
      case "/app/chat.read":
        return this.#read(session, frame);
      case "/app/user.presence":
        return this.#presence(session, frame);
      case "/app/user.connect":
        return this.#connect(session, frame);
    }
    if (destination.startsWith(TYPING)) return this.#typing(session, destination, frame);
    throw unknownDestination(destination);
  }

  #send(session: Session, frame: Frame): Handled {
    const message = parseBody(sendSchema, frame.text());
    const { clientMessageId } = message;
    const details = clientMessageId === null ? {} : { clientMessageId };
    const failed = (error: AppError) => {
      const { code, message: text, cause } = error;
      return new AppError(code, text, { details, cause });
    };
    const withType = { ...message, type: message.type ?? "TEXT" };
    const settled = (error: AppError | null) =>
      session.settle(frame, error === null ? null : failed(error));
    try {
      const taken = this.chat.messages.send(session.principal, withType, session, settled);
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
    return whenReady(this.chat.receipts.read(session.principal.userId, id), () => undefined);
  }

  #typing(session: Session, destination: string, frame: Frame): Handled {
    const conversationId = detached(destination.slice(TYPING.length));
    const { isTyping } = parseBody(typingSchema, frame.text());
    const { userId } = session.principal;
    return whenReady(this.chat.typing.set(userId, conversationId, isTyping), () => undefined);
  }

  #presence(session: Session, frame: Frame): Handled {
    const { status } = parseBody(presenceSchema, frame.text());
    this.chat.presence.set(session.principal.userId, status);
    return undefined;
  }

  /** Idempotent: announced once by a connection, and again after another status. */
  #connect(session: Session, frame: Frame): Handled {
    const { userId } = parseBody(connectSchema, frame.text());
    if (userId !== session.principal.userId) {
      throw new AppError("FORBIDDEN_DESTINATION", "userId: is not your own");
    }
    const appSession = this.sessions.get(session);
    if (appSession === undefined) return undefined;
    if (appSession.announced && this.chat.presence.isOnline(userId)) return undefined;
    appSession.announced = true;
    this.chat.presence.announce(userId);
    return undefined;
  }
}
