import { UserQueueKeys } from "../broker/destination.ts";
import type { StoredMessage } from "../chat/ports.ts";
import type { Replay } from "../chat/replay.ts";
import type { SyncRequest } from "../chat/sync.ts";
import { Departures } from "../session/departures.ts";
import type { Session } from "../session/session.ts";
import type { SessionSubscription } from "../session/session-subscription.ts";
import type { TurnEnd } from "../turn-end.ts";
import type { DeliveryWindow } from "./delivery-window.ts";
import type { SubscriptionReplayReader } from "./replay-reader.ts";

/** What the application keeps for one session. */
export interface AppSession {
  readonly session: Session;
  readonly userId: string;
  /** Messages sent to subscriptions that do not acknowledge, until their bytes have left. */
  readonly departures: Departures<StoredMessage>;
  /** Subscriptions to one's own messages that do not acknowledge. */
  readonly autoSubscriptions: Set<SessionSubscription>;
  /** Of those that do. */
  readonly windows: Map<SessionSubscription, DeliveryWindow>;
  /** What brings subscriptions to one's own messages what they miss. */
  readonly replays: Map<SessionSubscription, DeviceReplay>;
  /** They came before the subscription that they are for. */
  earlySyncs: SyncRequest[];
  /** `/app/user.connect` has been heard. */
  announced: boolean;
}

export interface DeviceReplay {
  readonly replay: Replay;
  readonly reader: SubscriptionReplayReader;
}

/** A MESSAGE frame of a chat message has at least so many bytes beside the content. */
const LEAST_FRAME_BYTES = 256;

/** The message was sent, to a subscription that does not acknowledge. */
export function awaitDeparture({ departures, replays }: AppSession, message: StoredMessage): void {
  // Of two subscriptions, one may be sent what the other one was sent before.
  const isInOrder = replays.size === 1;
  // A character is a byte on the wire, or more.
  departures.add(message, isInOrder ? LEAST_FRAME_BYTES + message.content.length : 0);
}

/** The sessions of each user with a connection to this node. */
export class UserSessions {
  readonly #bySession = new Map<Session, AppSession>();
  readonly #byUser = new Map<string, ConnectedUser>();

  readonly #later: (task: () => void) => void;

  constructor(turnEnd: TurnEnd) {
    this.#later = (task) => turnEnd.look(task);
  }

  add(session: Session, onDeparted: (userId: string, message: StoredMessage) => void): AppSession {
    const { userId } = session.principal;
    const added: AppSession = {
      session,
      userId,
      departures: new Departures(session.connection, this.#later, (messages) => {
        for (const message of messages) onDeparted(userId, message);
      }),
      autoSubscriptions: new Set(),
      windows: new Map(),
      replays: new Map(),
      earlySyncs: [],
      announced: false,
    };
    this.#bySession.set(session, added);
    const known = this.#byUser.get(userId);
    if (known === undefined) this.#byUser.set(userId, new ConnectedUser(userId, added));
    else known.sessions.add(added);
    return added;
  }

  remove(session: Session): AppSession | undefined {
    const removed = this.#bySession.get(session);
    if (removed === undefined) return undefined;
    this.#bySession.delete(session);
    const rest = this.#byUser.get(removed.userId);
    rest?.sessions.delete(removed);
    if (rest?.sessions.size === 0) this.#byUser.delete(removed.userId);
    return removed;
  }

  get(session: Session): AppSession | undefined {
    return this.#bySession.get(session);
  }

  all(): Iterable<AppSession> {
    return this.#bySession.values();
  }

  countOf(userId: string): number {
    return this.#byUser.get(userId)?.sessions.size ?? 0;
  }

  of(userId: string): Iterable<AppSession> {
    return this.#byUser.get(userId)?.sessions ?? [];
  }

  /** Null for a user without a session, to whose queues nobody listens. */
  queuesOf(userId: string): UserQueueKeys | null {
    return this.#byUser.get(userId)?.queues ?? null;
  }
}

class ConnectedUser {
  readonly sessions: Set<AppSession>;
  readonly queues: UserQueueKeys;

  constructor(userId: string, first: AppSession) {
    this.sessions = new Set([first]);
    this.queues = new UserQueueKeys(userId);
  }
}
