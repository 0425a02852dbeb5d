import type { Chat } from "../chat/chat.ts";
import type { SyncRequest } from "../chat/sync.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Session } from "../session/session.ts";
import type { SessionSubscription } from "../session/session-subscription.ts";
import { SubscriptionReplayReader } from "./replay-reader.ts";
import type { AppSession, UserSessions } from "./user-sessions.ts";

/** Syncs of a connection that has no subscription to its messages yet. */
const MOST_EARLY_SYNCS = 16;

export interface DeviceReplaysOptions {
  readonly chat: Chat;
  readonly sessions: UserSessions;
  readonly sendBufferBytes: number;
  readonly log: Log;
}

/** The replays of each connection: one for each of its subscriptions to its user's messages. */
export class DeviceReplays {
  readonly #options: DeviceReplaysOptions;

  constructor(options: DeviceReplaysOptions) {
    this.#options = options;
  }

  /** The subscription was opened, held: it gets what it misses and goes live. */
  start(appSession: AppSession, subscription: SessionSubscription): void {
    const { chat, sendBufferBytes } = this.#options;
    // A quarter: live events of other subscriptions have room beside it.
    const reader = new SubscriptionReplayReader(appSession, subscription, sendBufferBytes / 4);
    const replay = chat.replayTo(appSession.userId, reader);
    appSession.replays.add({ replay, reader });
    this.#expectDone(replay.start(appSession.takeEarlySyncs()), appSession);
  }

  /**
   * The device says how far it has come: its first subscription is sent what is missing, or begins
   * there if it is yet to come. Throws RATE_LIMITED.
   */
  sync(session: Session, request: SyncRequest): void {
    const appSession = this.#options.sessions.get(session);
    if (appSession === undefined) return;
    const [first] = appSession.replays;
    if (first !== undefined) {
      this.#expectDone(first.replay.sync(request), appSession);
    } else if (appSession.earlySyncs.length < MOST_EARLY_SYNCS) {
      appSession.addEarlySync(request);
    } else {
      const text = "Too many syncs wait for a subscription to /user/queue/messages";
      throw new AppError("RATE_LIMITED", text);
    }
  }

  /** Of syncs that wait for a subscription, or for their client. */
  heldBytes({ earlySyncs, replays }: AppSession): number {
    let held = 0;
    for (const { bytes } of earlySyncs) held += bytes;
    for (const { replay } of replays) held += replay.heldBytes;
    return held;
  }

  /** Replays that waited for their client look again. */
  resume(appSession: AppSession): void {
    for (const { reader } of appSession.replays) reader.resume();
  }

  /** Some of the subscriptions are closed. */
  unsubscribed(appSession: AppSession): void {
    for (const deviceReplay of appSession.replays) {
      const { reader } = deviceReplay;
      if (reader.subscription.isOpen) continue;
      appSession.replays.delete(deviceReplay);
      reader.resume();
    }
  }

  #expectDone(replayed: Promise<void>, { session, userId }: AppSession): void {
    replayed.catch((err: unknown) => {
      // Without its replay the device would miss messages unknowingly: it must come again.
      this.#options.log.error({ err, user: userId }, "A replay failed");
      session.fail(new AppError("STORAGE_UNAVAILABLE", "Missed messages cannot be read now"));
    });
  }
}
