import type { Authentication } from "../auth/authentication.ts";
import type { Credentials } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import { tokenRevoked } from "../auth/revocations.ts";
import type { Destination } from "../broker/destination.ts";
import type { Chat } from "../chat/chat.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { Application, RECEIPT_DEFERRED, SubscriptionPolicy } from "../session/ports.ts";
import type { Session } from "../session/session.ts";
import { SessionSubscription } from "../session/session-subscription.ts";
import type { Settlement } from "../session/transactions.ts";
import { Frame } from "../stomp/frame.ts";
import { DeliveryWindow } from "./delivery-window.ts";
import { typingTopic } from "./destinations.ts";
import type { DeviceReplays } from "./device-replays.ts";
import type { DormantSubscriptions } from "./dormant-subscriptions.ts";
import type { FrameRates } from "./frame-rates.ts";
import type { Permissions } from "./permissions.ts";
import { isMessage } from "./replay-reader.ts";
import type { AppRouter } from "./router.ts";
import type { UserChannels } from "./user-channels.ts";
import type { UserEvents } from "./user-events.ts";
import type { AppSession, UserSessions } from "./user-sessions.ts";

export interface ChatApplicationOptions {
  readonly authentication: Authentication;
  readonly permissions: Permissions;
  readonly chat: Chat;
  readonly router: Pick<AppRouter, "handle">;
  readonly sessions: UserSessions;
  readonly rates: FrameRates;
  /** 0 is no limit. */
  readonly connectionsPerUser: number;
  readonly dormant: DormantSubscriptions;
  readonly replays: DeviceReplays;
  readonly events: Pick<UserEvents, "heldBytes">;
  /** null: no other node has the users' chats. */
  readonly channels: Pick<UserChannels, "connected" | "disconnected"> | null;
  readonly clock: Clock;
  readonly log: Log;
  /** A recipient has received a message, so long after it was taken. */
  readonly onDelivered: (ageMs: number) => void;
}

/** What sessions are for: chat, and plain topics. */
export class ChatApplication implements Application {
  readonly #options: ChatApplicationOptions;
  #stopping = false;

  constructor(options: ChatApplicationOptions) {
    this.#options = options;
  }

  /** From now on nobody connects and nothing is sent. */
  stop(): void {
    this.#stopping = true;
  }

  authenticate(credentials: Credentials): MaybePromise<Principal> {
    return this.#options.authentication.authenticate(credentials);
  }

  permitConnection({ userId }: Principal): void {
    const { sessions, connectionsPerUser, chat } = this.#options;
    chat.erasures.assertNone(userId);
    if (connectionsPerUser === 0 || sessions.countOf(userId) < connectionsPerUser) return;
    const text = `The user has ${connectionsPerUser} connections`;
    throw new AppError("TOO_MANY_CONNECTIONS", text);
  }

  countSend(session: Session): void {
    this.#options.rates.send(session);
  }

  connected(session: Session): void {
    const { sessions, chat, channels } = this.#options;
    const { userId, name } = session.principal;
    sessions.add(session);
    if (sessions.countOf(userId) === 1) channels?.connected(userId);
    chat.presence.connected(userId, name);
    // Revoked in the moment between the proof and its answer.
    const { revocations } = this.#options.authentication;
    if (revocations.isRevoked(session.principal)) session.fail(tokenRevoked());
  }

  /** Ends the connections whose proof has been revoked; the number of them. */
  endRevoked(): number {
    const { sessions, authentication } = this.#options;
    const isRevoked = ({ session }: AppSession) =>
      authentication.revocations.isRevoked(session.principal);
    return end([...sessions.all()].filter(isRevoked), tokenRevoked());
  }

  /**
   * Takes back all tokens issued to the user so far, and ends their connections; the number of them
   * when that is durable. Rejects with STORAGE_UNAVAILABLE.
   */
  async revoke(userId: string): Promise<number> {
    const durable = this.#options.authentication.revocations.revokeUser(userId);
    const connections = this.endRevoked();
    await durable;
    return connections;
  }

  /** The user is to be removed: as `revoke`, and none of their connections is left. */
  async lockOut(userId: string): Promise<void> {
    const revoked = this.revoke(userId);
    this.disconnect(userId, tokenRevoked());
    await revoked;
  }

  /** Ends the user's connections; the number of them. */
  disconnect(userId: string, error: AppError): number {
    return end([...this.#options.sessions.of(userId)], error);
  }

  disconnected(session: Session): void {
    const { sessions, chat, dormant, replays, channels } = this.#options;
    const { userId } = session.principal;
    const removed = sessions.remove(session);
    removed?.abandonDepartures();
    dormant.removeAll(session);
    if (removed !== undefined) replays.resume(removed);
    if (sessions.countOf(userId) === 0) channels?.disconnected(userId);
    chat.presence.disconnected(userId);
  }

  permitSend(session: Session, destination: Destination): void {
    this.#assertRunning();
    this.#options.permissions.assertSend(session, destination);
  }

  send(
    session: Session,
    destination: string,
    frame: Frame,
  ): MaybePromise<typeof RECEIPT_DEFERRED | undefined> {
    this.#assertRunning();
    return this.#options.router.handle(session, destination, frame);
  }

  admit(
    session: Session,
    destination: Destination,
    frame: Frame,
  ): MaybePromise<SubscriptionPolicy> {
    this.#options.rates.subscribe(session);
    this.#options.dormant.supersede(session, frame);
    return this.#options.permissions.admit(session, destination, frame);
  }

  catchUp(session: Session, subscription: SessionSubscription): void {
    const appSession = this.#options.sessions.get(session);
    if (appSession === undefined) return;
    if (subscription.ackMode === "auto") appSession.autoSubscriptions.add(subscription);
    else appSession.addWindow(subscription, windowOf(subscription));
    this.#options.replays.start(appSession, subscription);
  }

  unsubscribed(session: Session, subscriptionId: string): void {
    this.#options.dormant.remove(session, subscriptionId);
    const appSession = this.#options.sessions.get(session);
    if (appSession === undefined) return;
    for (const subscription of appSession.autoSubscriptions) {
      if (!subscription.isOpen) appSession.autoSubscriptions.delete(subscription);
    }
    for (const subscription of appSession.windows.keys()) {
      if (!subscription.isOpen) appSession.removeWindow(subscription);
    }
    this.#options.replays.unsubscribed(appSession);
  }

  acknowledged(session: Session, settlement: Settlement): void {
    const { subscription, deliveries, positive } = settlement;
    if (!(subscription instanceof SessionSubscription)) return;
    const appSession = this.#options.sessions.get(session);
    const window = appSession?.windows.get(subscription);
    if (appSession === undefined || window === undefined) return;
    const messages = deliveries.map(({ tag }) => tag).filter(isMessage);
    this.#options.replays.resume(appSession);
    if (!positive) {
      window.refused(messages);
      return;
    }
    const { userId } = session.principal;
    for (const message of window.acknowledged(messages)) {
      this.departed(userId, message);
    }
  }

  heldBytes(session: Session): number {
    const { sessions, dormant, replays, events } = this.#options;
    const appSession = sessions.get(session);
    if (appSession === undefined) return 0;
    const held = dormant.heldBytes(session) + replays.heldBytes(appSession);
    return held + events.heldBytes(session);
  }

  drained(session: Session): void {
    const appSession = this.#options.sessions.get(session);
    if (appSession === undefined) return;
    appSession.checkDepartures();
    this.#options.replays.resume(appSession);
  }

  /** Somebody became a member: what was refused before is tried again. */
  joined(userId: string, conversationId: string): void {
    for (const { session } of this.#options.sessions.of(userId)) {
      for (const frame of this.#options.dormant.take(session, conversationId)) session.retry(frame);
    }
  }

  /** Somebody is no member any more: the conversation's events stop, until they are one again. */
  left(userId: string, conversationId: string): void {
    const { sessions, dormant } = this.#options;
    const key = typingTopic(conversationId);
    for (const { session, windows } of sessions.of(userId)) {
      for (const { key: own, id, ackMode } of session.subscriptions.all()) {
        if (own !== key) continue;
        const headers = ["destination", key, "ack", ackMode, ...(id === null ? [] : ["id", id])];
        dormant.add(session, conversationId, new Frame("SUBSCRIBE", headers, ""));
      }
      session.subscriptions.removeKey(key);
      for (const window of windows.values()) window.forget(conversationId);
    }
  }

  /**
   * Somebody who had left is a member after all: what a connection left out meanwhile would be
   * missed unknowingly, so it must come again.
   */
  returned(userId: string): void {
    for (const { session } of this.#options.sessions.of(userId)) {
      session.fail(
        new AppError("STORAGE_UNAVAILABLE", "A change could not be kept; connect again"),
      );
    }
  }

  /** Called from where nobody hears of a fault; an unrecorded message simply comes again. */
  departed(userId: string, message: StoredMessage): void {
    if (message.senderId === userId) return; // A copy for the sender's other device.
    const unrecorded = (err: unknown) => {
      this.#options.log.warn({ err, user: userId }, "A delivery could not be recorded");
    };
    this.#options.onDelivered(this.#options.clock.now() - message.timestampMs);
    try {
      const done = this.#options.chat.receipts.delivered(userId, message);
      if (done instanceof Promise) done.catch(unrecorded);
    } catch (err) {
      unrecorded(err);
    }
  }

  #assertRunning(): void {
    if (this.#stopping) throw new AppError("SHUTTING_DOWN", "The server is stopping");
  }
}

function end(ended: readonly AppSession[], error: AppError): number {
  for (const { session } of ended) session.fail(error);
  return ended.length;
}

function windowOf(subscription: SessionSubscription): DeliveryWindow {
  const window = new DeliveryWindow();
  subscription.track({
    sent: (tag) => {
      if (isMessage(tag)) window.sent(tag);
    },
  });
  return window;
}
