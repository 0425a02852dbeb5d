import type { Broker } from "../broker/broker.ts";
import { Outgoing } from "../broker/outgoing.ts";
import type { Blocks } from "../chat/blocks.ts";
import type { PresenceVisibility, Viewers } from "../chat/presence-visibility.ts";
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
  /** Somebody's presence could not be told, since it is not known to whom. */
  readonly onFault: (fault: unknown) => void;
}

/**
 * Who gets which events of `/topic/presence`. Where everyone may see everyone, all listen under one
 * key, and the engine copies each event to them. A user who may not see all listens under a key of
 * their own, and gets an event if they may see it; a block moves live subscriptions.
 *
 * An event after a pause goes out at once. When many come, as when everybody reconnects, they go out
 * together now and then: of each user the latest, to those who listen and may see it then. Of a
 * great many some wait longer, and none is left out.
 */
export class PresenceAudience {
  readonly #options: PresenceAudienceOptions;
  /** Users who listen, or have listened, under a key of their own. */
  readonly #single = new Set<string>();
  #sweepAtSize = SMALLEST_SWEEP;
  /** The latest event of each user that waits, by user. */
  readonly #waiting = new Map<string, string>();
  #timer: Timer | null = null;

  constructor(options: PresenceAudienceOptions) {
    this.#options = options;
    options.blocks.onChange(({ blockedId }) => this.#move(blockedId));
  }

  /** What a subscription of the user's to `/topic/presence` listens under. */
  keyFor(userId: string): string {
    const { visibility, blocks } = this.#options;
    if (visibility.scope === "everyone" && !blocks.isBlockedBySomebody(userId)) {
      return presenceTopic;
    }
    this.#single.add(userId);
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
    let room = this.#portion();
    for (const [userId, body] of this.#waiting) {
      if (room === 0) return;
      room -= 1;
      this.#waiting.delete(userId);
      this.#publishNow(userId, body);
    }
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
    const { broker, visibility, newId } = this.#options;
    const message = new Outgoing(newId(), body, JSON_HEADERS);
    if (visibility.scope === "everyone") broker.deliver(presenceTopic, message);
    if (this.#single.size > 0) this.#publishSingly(userId, message);
  }

  #publishSingly(userId: string, message: Outgoing): void {
    const { visibility, onFault } = this.#options;
    const deliver = (viewers: Viewers) => this.#deliver(userId, viewers, message);
    try {
      const viewers = visibility.viewersOf(userId);
      if (viewers instanceof Promise) viewers.then(deliver).catch(onFault);
      else deliver(viewers);
    } catch (fault) {
      onFault(fault);
    }
  }

  #deliver(userId: string, viewers: Viewers, message: Outgoing): void {
    const { userIds } = viewers;
    const isFew = userIds !== null && userIds.size < this.#single.size;
    const { broker } = this.#options;
    for (const viewerId of isFew ? userIds : this.#single) {
      const isSingle = this.#single.has(viewerId) && viewerId !== userId;
      if (isSingle && viewers.includes(viewerId)) broker.deliver(singleKey(viewerId), message);
    }
    broker.deliver(singleKey(userId), message);
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
    const { broker, sessions } = this.#options;
    for (const userId of this.#single) {
      const isThere = broker.hasListeners(singleKey(userId)) || !isEmpty(sessions.of(userId));
      if (!isThere) this.#single.delete(userId);
    }
    this.#sweepAtSize = Math.max(SMALLEST_SWEEP, 2 * this.#single.size);
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
