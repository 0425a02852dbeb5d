import type { Broker } from "../broker/broker.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { Blocks } from "../chat/blocks.ts";
import { ContactViewers } from "../chat/contact-viewers.ts";
import type { PresenceVisibility } from "../chat/presence-visibility.ts";
import type { Clock, Timer } from "../clock.ts";
import type { NewId } from "../ids.ts";
import { SessionSubscription } from "../session/session-subscription.ts";
import { presenceTopic } from "./destinations.ts";
import { JSON_HEADERS } from "./stomp-outlet.ts";
import type { UserSessions } from "./user-sessions.ts";

const SMALLEST_SWEEP = 1_024;

/** Events so soon after others wait for each other. */
const GATHER_MS = 50;
/** What goes out is a write to each connection: with many, it waits for more to go with it. */
const GATHER_MS_PER_CONNECTION = 0.05;
const MOST_GATHER_MS = 1_000;
/** More in one turn could fill the send buffer of a healthy client. */
const MOST_TOGETHER = 512;
/** They share a write to each connection; fewer cost more each. */
const FEWEST_TOGETHER = 64;
/** Of all events of a turn to all connections: more would hold up everybody else. */
const MOST_DELIVERIES = 1_000_000;

export interface PresenceAudienceOptions {
  readonly broker: Broker;
  readonly sessions: UserSessions;
  readonly visibility: PresenceVisibility;
  readonly blocks: Blocks;
  readonly newId: NewId;
  readonly clock: Clock;
  /** Somebody could not be told of others' presence, since it is not known of whose. */
  readonly onFault: (fault: unknown) => void;
}

/**
 * Who gets which events of `/topic/presence`. Where everyone may see everyone, all listen under one
 * key, and the engine copies each event to them. A user who may not see all listens under a key of
 * their own, and gets an event if they may see it; a block moves live subscriptions.
 *
 * An event after a pause goes out at once. When many come, as when everybody reconnects, they go out
 * together now and then: of each user the latest, to those who listen and may see it then. Of a
 * great many some wait longer, and none is left out. Where contacts alone may see it, the store is
 * asked about those who listen here, and not for each event, which may be of any node's users.
 */
export class PresenceAudience {
  readonly #options: PresenceAudienceOptions;
  /** Users who listen, or have listened, under a key of their own. */
  readonly #single = new Set<string>();
  #sweepAtSize = SMALLEST_SWEEP;
  /** The latest event of each user that waits, by user. */
  readonly #waiting = new Map<string, string>();
  #timer: Timer | null = null;
  /** null: contacts do not matter. */
  readonly #contacts: ContactViewers | null;
  /** What goes out when it is known to whom; null: nothing waits for that. */
  #due: Promise<void> | null = null;

  constructor(options: PresenceAudienceOptions) {
    this.#options = options;
    const { visibility, onFault } = options;
    const isThere = (userId: string) => this.#isThere(userId);
    this.#contacts =
      visibility.scope === "contacts"
        ? new ContactViewers({ contacts: visibility.contacts, isThere, onFault })
        : null;
    options.blocks.onChange(({ blockedId }) => this.#move(blockedId));
  }

  /** What a subscription of the user's to `/topic/presence` listens under. */
  keyFor(userId: string): string {
    const { visibility, blocks } = this.#options;
    if (visibility.scope === "everyone" && !blocks.isBlockedBySomebody(userId)) {
      return presenceTopic;
    }
    this.#single.add(userId);
    this.#contacts?.add(userId);
    if (this.#single.size >= this.#sweepAtSize) this.#sweep();
    return singleKey(userId);
  }

  /** An event about the user, to all who may see it; takes the place of one that waits. */
  publish(userId: string, body: string): void {
    // A node that has just started learns of everybody, and whoever connects next is to be told of news.
    if (this.#options.sessions.count === 0) return;
    // Behind the others: the latest event of all comes last.
    this.#waiting.delete(userId);
    this.#waiting.set(userId, body);
    if (this.#timer === null) this.#tell();
  }

  /** What waits goes out; what comes within the time after it waits. */
  #tell(): void {
    const delayMs = this.#gatherMs();
    this.#timer =
      this.#waiting.size === 0 ? null : this.#options.clock.schedule(delayMs, () => this.#tell());
    const events = [...this.#waiting.entries().take(this.#portion())];
    for (const [userId] of events) this.#waiting.delete(userId);
    const publish = () => {
      for (const [userId, body] of events) this.#publishNow(userId, body);
    };
    const known = this.#contacts?.ready() ?? null;
    if (known === null && this.#due === null) {
      publish();
      return;
    }
    const due = Promise.all([this.#due, known])
      .then(() => {
        if (this.#due === due) this.#due = null;
        publish();
      })
      .catch(this.#options.onFault);
    this.#due = due;
  }

  /** How many events go out in one turn. */
  #portion(): number {
    const fair = Math.floor(MOST_DELIVERIES / Math.max(1, this.#options.sessions.count));
    return Math.min(MOST_TOGETHER, Math.max(FEWEST_TOGETHER, fair));
  }

  #gatherMs(): number {
    if (this.#waiting.size > this.#portion()) return GATHER_MS;
    const scaledMs = GATHER_MS_PER_CONNECTION * this.#options.sessions.count;
    return Math.min(MOST_GATHER_MS, Math.max(GATHER_MS, scaledMs));
  }

  #publishNow(userId: string, body: string): void {
    const { broker, visibility, blocks, newId } = this.#options;
    const viewers = this.#singleViewersOf(userId);
    const isForAll = visibility.scope === "everyone";
    if (!isForAll && !this.#single.has(userId) && isEmpty(viewers)) return;
    const message = new Outgoing(newId(), body, JSON_HEADERS);
    if (isForAll) broker.deliver(presenceTopic, message);
    for (const viewerId of viewers) {
      const maySee = viewerId !== userId && !blocks.has(userId, viewerId);
      if (maySee) broker.deliver(singleKey(viewerId), message);
    }
    broker.deliver(singleKey(userId), message);
  }

  /** Those who listen under a key of their own and may see the user, unless the user blocks them. */
  #singleViewersOf(userId: string): Iterable<string> {
    const { scope } = this.#options.visibility;
    return scope === "everyone" ? this.#single : (this.#contacts?.of(userId) ?? []);
  }

  /** In the turn of the change, so that no event comes by the wrong key. */
  #move(userId: string): void {
    const key = this.keyFor(userId);
    for (const { session } of this.#options.sessions.of(userId)) {
      for (const subscription of session.subscriptions.all()) {
        if (!(subscription instanceof SessionSubscription)) continue;
        if (subscription.key === presenceTopic || subscription.key === singleKey(userId)) {
          subscription.moveTo(key);
        }
      }
    }
  }

  #sweep(): void {
    for (const userId of this.#single) {
      if (this.#isThere(userId)) continue;
      this.#single.delete(userId);
      this.#contacts?.delete(userId);
    }
    this.#sweepAtSize = Math.max(SMALLEST_SWEEP, 2 * this.#single.size);
  }

  #isThere(userId: string): boolean {
    const { broker, sessions } = this.#options;
    return broker.hasListeners(singleKey(userId)) || !isEmpty(sessions.of(userId));
  }
}

/** No destination: clients neither subscribe nor send to it. */
function singleKey(userId: string): string {
  return `/user/${userId}/presence`;
}

function isEmpty(items: Iterable<unknown>): boolean {
  for (const _ of items) return false;
  return true;
}
