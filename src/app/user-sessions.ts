import { UserQueueKeys } from "../broker/destination.ts";
import type { Replay } from "../chat/replay.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type { SyncRequest } from "../chat/sync.ts";
import { Few } from "../few.ts";
import { Departures } from "../session/departures.ts";
import type { Session } from "../session/session.ts";
import type { SessionSubscription } from "../session/session-subscription.ts";
import type { TurnEnd } from "../turn-end.ts";
import type { DeliveryWindow } from "./delivery-window.ts";
import type { SubscriptionReplayReader } from "./replay-reader.ts";

/**
 * What the application keeps for one session. There are many, and most do little: what only those
 * need that do more is made when they do.
 */
export class AppSession {
  /** Subscriptions to one's own messages that do not acknowledge. */
  readonly autoSubscriptions = new Few<SessionSubscription>();
  /** What brings subscriptions to one's own messages what they miss. */
  readonly replays = new Few<DeviceReplay>();
  /** `/app/user.connect` has been heard. */
  announced = false;
  #departures: Departures<StoredMessage> | null = null;
  #windows: Map<SessionSubscription, DeliveryWindow> | null = null;
  #earlySyncs: SyncRequest[] | null = null;

  constructor(
    readonly session: Session,
    readonly owner: UserSessions,
  ) {}

  get userId(): string {
    return this.session.principal.userId;
  }

  /** Messages sent to subscriptions that do not acknowledge, until their bytes have left. */
  get departures(): Departures<StoredMessage> {
    this.#departures ??= this.owner.departuresOf(this);
    return this.#departures;
  }

  /** What has been sent has perhaps left. */
  checkDepartures(): void {
    this.#departures?.check();
  }

  /** The connection is lost. */
  abandonDepartures(): void {
    this.#departures?.abandon();
  }

  /** Of subscriptions to one's own messages that acknowledge. */
  get windows(): ReadonlyMap<SessionSubscription, DeliveryWindow> {
    return this.#windows ?? NO_WINDOWS;
  }

  addWindow(subscription: SessionSubscription, window: DeliveryWindow): void {
    this.#windows ??= new Map();
    this.#windows.set(subscription, window);
  }

  removeWindow(subscription: SessionSubscription): void {
    this.#windows?.delete(subscription);
  }

  /** They came before the subscription that they are for. */
  get earlySyncs(): readonly SyncRequest[] {
    return this.#earlySyncs ?? NO_SYNCS;
  }

  addEarlySync(request: SyncRequest): void {
    this.#earlySyncs ??= [];
    this.#earlySyncs.push(request);
  }

  /** Forgets them. */
  takeEarlySyncs(): readonly SyncRequest[] {
    const taken = this.earlySyncs;
    this.#earlySyncs = null;
    return taken;
  }
}

const NO_SYNCS: readonly SyncRequest[] = [];
const NO_WINDOWS: ReadonlyMap<SessionSubscription, DeliveryWindow> = new Map();

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

  /** @param onDeparted the bytes of a message to the user have left */
  constructor(
    turnEnd: TurnEnd,
    readonly onDeparted: (userId: string, message: StoredMessage) => void,
  ) {
    this.#later = (task) => turnEnd.look(task);
  }

  departuresOf({ session, userId }: AppSession): Departures<StoredMessage> {
    return new Departures(session.connection, this.#later, (messages) => {
      for (const message of messages) this.onDeparted(userId, message);
    });
  }

  add(session: Session): AppSession {
    const { userId } = session.principal;
    const added = new AppSession(session, this);
    this.#bySession.set(session, added);
    let user = this.#byUser.get(userId);
    if (user === undefined) {
      user = new ConnectedUser(userId);
      this.#byUser.set(userId, user);
    }
    user.add(added);
    return added;
  }

  remove(session: Session): AppSession | undefined {
    const removed = this.#bySession.get(session);
    if (removed === undefined) return undefined;
    this.#bySession.delete(session);
    const rest = this.#byUser.get(removed.userId);
    rest?.delete(removed);
    if (rest?.size === 0) this.#byUser.delete(removed.userId);
    return removed;
  }

  get count(): number {
    return this.#bySession.size;
  }

  get(session: Session): AppSession | undefined {
    return this.#bySession.get(session);
  }

  all(): Iterable<AppSession> {
    return this.#bySession.values();
  }

  /** Of those with a session. */
  userIds(): Iterable<string> {
    return this.#byUser.keys();
  }

  countOf(userId: string): number {
    return this.#byUser.get(userId)?.size ?? 0;
  }

  of(userId: string): Iterable<AppSession> {
    return this.#byUser.get(userId) ?? [];
  }

  /** Null for a user without a session, to whose queues nobody listens. */
  queuesOf(userId: string): UserQueueKeys | null {
    return this.#byUser.get(userId)?.queues ?? null;
  }
}

/** Their sessions, and what is made when something is for them. */
class ConnectedUser extends Few<AppSession> {
  #queues: UserQueueKeys | null = null;

  constructor(readonly userId: string) {
    super();
  }

  get queues(): UserQueueKeys {
    this.#queues ??= new UserQueueKeys(this.userId);
    return this.#queues;
  }
}
