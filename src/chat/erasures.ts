import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import { type Actor, SYSTEM } from "./actor.ts";
import type { Blocks } from "./blocks.ts";
import type { ConversationChanges } from "./conversation-changes.ts";
import { ERASED_NAME } from "./erased.ts";
import type { Journal } from "./journal.ts";
import type { Membership } from "./membership.ts";
import type { Messages } from "./messages.ts";
import type { Presence } from "./presence.ts";
import type { RecentMessages } from "./recent-messages.ts";
import type { Erasure, ErasureStore, UserDataStore } from "./user-ports.ts";

/** Few enough that a commit that comes meanwhile hardly notices. */
const PORTION_ROWS = 200;
/** Conversations left, or told, and blocks that end, before others have their turn. */
const PORTION_CONVERSATIONS = 50;
/** The store's time between two portions belongs to commits. */
const PAUSE_MS = 10;
/** After a failure. */
const RETRY_MS = 5_000;

export interface ErasuresOptions {
  readonly store: ErasureStore;
  readonly data: UserDataStore;
  readonly changes: ConversationChanges;
  readonly membership: Membership;
  readonly messages: Messages;
  readonly presence: Presence;
  readonly blocks: Blocks;
  readonly journal: Journal;
  readonly recent: Pick<RecentMessages, "forgetClientIds">;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes the user's tokens back and ends their connections; resolves when that is durable. */
  readonly lockOut: (userId: string) => Promise<void>;
  /** Ends their connections to this node, after another one has taken the tokens back. */
  readonly expel: (userId: string) => void;
  /** Resolves when no file of the user's comes in any more. */
  readonly endUploads: (userId: string) => Promise<void>;
  /** Those that a server before this one has left. */
  readonly underWay: readonly Erasure[];
  /** So long after a begin other nodes may take what the user says; 0: there are none. */
  readonly othersMs: number;
}

/**
 * Removes users for good: first it is on disk that they are to be removed, then all of theirs goes in
 * portions between which the store commits. What a crash, or a store that fails, interrupts is gone on
 * with. Until it is done nothing is taken from the user, or in their name; from then on somebody who
 * comes by the id is somebody new.
 *
 * All nodes know of all; the work is done by the one on which it is started, and may be stopped and
 * started again.
 */
export class Erasures {
  readonly #options: ErasuresOptions;
  /** By user; the first asked for first. */
  readonly #underWay = new Map<string, UnderWay>();
  readonly #listeners: ((userId: string) => void)[] = [];
  /** On their way to disk. */
  readonly #beginning = new Set<string>();
  #isStopped = false;
  #running: Promise<void> | null = null;
  /** Ends the pause. */
  #wake: (() => void) | null = null;

  constructor(options: ErasuresOptions) {
    this.#options = options;
    for (const erasure of options.underWay) this.#know(erasure);
  }

  /** Hears of each that begins here or is done here, when that is durable. */
  onChange(listener: (userId: string) => void): void {
    this.#listeners.push(listener);
  }

  /** Goes on with those that are under way. */
  start(): void {
    this.#isStopped = false;
    if (this.#underWay.size > 0) this.#run();
  }

  /** Users who are being removed. */
  userIds(): string[] {
    return [...this.#underWay.keys()];
  }

  /** Resolves when the portion under way is done; there will be none after it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    await this.#running;
  }

  /** Throws USER_BEING_ERASED. */
  assertNone(userId: string): void {
    if (!this.#underWay.has(userId) && !this.#beginning.has(userId)) return;
    throw new AppError("USER_BEING_ERASED", "The user is being removed");
  }

  /** The user's last one; null: none was asked for. Throws STORAGE_UNAVAILABLE. */
  of(userId: string): MaybePromise<Erasure | null> {
    return this.#options.store.erasure(userId);
  }

  /**
   * Another node may have begun with the user, or be done: what the store says of it holds here.
   * Rejects with STORAGE_UNAVAILABLE.
   */
  async renew(userId: string): Promise<void> {
    const known = this.#underWay.get(userId);
    const kept = await this.#options.store.erasure(userId);
    // What this node does meanwhile is newer.
    if (this.#beginning.has(userId) || this.#underWay.get(userId) !== known) return;
    if (kept === null || kept.doneMs !== null) {
      this.#underWay.delete(userId);
    } else if (kept.keepsMessages !== known?.erasure.keepsMessages) {
      this.#know(kept);
      this.#options.expel(userId);
      if (this.#isStopped) this.#forgetHere(userId);
      this.#run();
      this.#wake?.();
    }
  }

  /**
   * For the user themselves, and `SYSTEM`. Resolves when it is on disk that the user is to be removed,
   * and they are locked out; the rest follows. One that is under way goes on, and begins anew where
   * it was to keep what the user said and now is not. Rejects with NOT_PERMITTED, STORAGE_UNAVAILABLE.
   */
  async request(actor: Actor, userId: string, keepsMessages: boolean): Promise<Erasure> {
    if (actor !== SYSTEM && actor.userId !== userId) {
      throw new AppError("NOT_PERMITTED", "Only users themselves, and the back end, remove a user");
    }
    const { store, clock, lockOut } = this.#options;
    this.#beginning.add(userId);
    try {
      await store.begin({ userId, requestedMs: clock.now(), keepsMessages });
      const begun = await store.erasure(userId);
      const known = this.#underWay.get(userId);
      if (begun?.doneMs === null && begun.keepsMessages !== known?.erasure.keepsMessages) {
        this.#know(begun);
      }
      this.#tellNodes(userId);
      const lockedOut = lockOut(userId);
      if (this.#isStopped) this.#forgetHere(userId);
      this.#run();
      this.#wake?.(); // It does not wait for another that failed.
      await lockedOut;
      return begun ?? notKept();
    } finally {
      this.#beginning.delete(userId);
    }
  }

  #know(erasure: Erasure): void {
    const sinceMs = this.#options.clock.monotonicMs();
    this.#underWay.set(erasure.userId, { erasure, sinceMs });
  }

  #tellNodes(userId: string): void {
    for (const listener of this.#listeners) listener(userId);
  }

  #run(): void {
    if (this.#isStopped || this.#running !== null) return;
    this.#running = this.#eraseAll().finally(() => {
      this.#running = null;
      if (this.#underWay.size > 0) this.#run(); // It came when the last one was done.
    });
  }

  /** One after the other, the first asked for first; one that fails comes again after the others. */
  async #eraseAll(): Promise<void> {
    const { log } = this.#options;
    while (!this.#isStopped && this.#underWay.size > 0) {
      let failures = 0;
      for (const [userId, underWay] of this.#underWay) {
        try {
          if (!(await this.#erase(underWay))) continue;
          if (this.#underWay.get(userId) === underWay) this.#underWay.delete(userId);
          this.#tellNodes(userId);
        } catch (err) {
          failures += 1;
          log.warn({ err, user: userId }, "A user is not removed for now");
        }
      }
      if (failures > 0) await this.#pause(RETRY_MS);
    }
  }

  /** False when it is not done yet: it was stopped, or begins anew. */
  async #erase(underWay: UnderWay): Promise<boolean> {
    const { store, lockOut, clock, log } = this.#options;
    const { erasure } = underWay;
    const { userId } = erasure;
    if (this.#isStopped) return false;
    await lockOut(userId);
    if (!(await this.#forget(userId, () => this.#pause(PAUSE_MS)))) return false;
    if (!(await this.#othersKnow(underWay))) return false;
    while (!(await store.erasePortion(userId, PORTION_ROWS))) {
      if (!(await this.#pause(PAUSE_MS))) return false;
    }
    if (!(await this.#endBlocks(userId))) return false;
    if (!(await this.#leaveGroups(userId))) return false;
    if (!(await this.#tell(erasure))) return false;
    // More may be asked for: then it begins anew.
    while (this.#beginning.has(userId)) if (!(await this.#pause(PAUSE_MS))) return false;
    if (this.#underWay.get(userId) !== underWay) return false;
    await store.finish(erasure, clock.now());
    // Another node may have asked for more at the last moment.
    const kept = await store.erasure(userId);
    if (kept?.doneMs === null) {
      if (kept.keepsMessages !== erasure.keepsMessages) this.#know(kept);
      return false;
    }
    log.info({ user: userId }, "A user was removed");
    return true;
  }

  /** What this node has of them in memory. False when the waiting for it is over before. */
  async #forget(userId: string, wait: () => Promise<boolean>): Promise<boolean> {
    const { endUploads, presence, journal, recent } = this.#options;
    await endUploads(userId);
    presence.forget(userId);
    // What was taken before is erased with the rest.
    while (journal.isBusyWith(userId)) if (!(await wait())) return false;
    recent.forgetClientIds(userId);
    return true;
  }

  /** On a node that does none of the work. */
  #forgetHere(userId: string): void {
    const { clock, log } = this.#options;
    const wait = async () => {
      await new Promise<void>((resolve) => clock.schedule(PAUSE_MS, resolve));
      return this.#underWay.has(userId);
    };
    this.#forget(userId, wait).catch((err) => {
      log.warn({ err, user: userId }, "What is in memory of a user is not forgotten");
    });
  }

  /** By then no node takes anything from the user. False when it is stopped. */
  async #othersKnow({ sinceMs }: UnderWay): Promise<boolean> {
    const { clock, othersMs } = this.#options;
    for (;;) {
      const leftMs = sinceMs + othersMs - clock.monotonicMs();
      if (leftMs <= 0) return true;
      if (!(await this.#pause(leftMs))) return false;
    }
  }

  /** Theirs, and those of others against them. */
  async #endBlocks(userId: string): Promise<boolean> {
    const { blocks } = this.#options;
    const pairs = [
      ...blocks.of(userId).map((blockedId) => [userId, blockedId] as const),
      ...blocks.against(userId).map((blockerId) => [blockerId, userId] as const),
    ];
    for (let at = 0; at < pairs.length; at += PORTION_CONVERSATIONS) {
      const portion = pairs.slice(at, at + PORTION_CONVERSATIONS);
      await Promise.all(portion.map((pair) => blocks.unblock(...pair)));
      if (!(await this.#pause(PAUSE_MS))) return false;
    }
    return true;
  }

  /** Direct conversations stay, for the other one. */
  async #leaveGroups(userId: string): Promise<boolean> {
    const { data, membership } = this.#options;
    const nobody = { userId, name: ERASED_NAME };
    let after: string | null = null;
    for (;;) {
      const page = await data.membershipsOf(userId, after, PORTION_CONVERSATIONS);
      const groups = page.filter(({ kind }) => kind === "group");
      await Promise.all(
        groups.map(({ conversationId }) => membership.leave(nobody, conversationId)),
      );
      const last = page.at(-1);
      if (last === undefined) return true;
      after = last.conversationId;
      if (!(await this.#pause(PAUSE_MS))) return false;
    }
  }

  /**
   * By one event in each conversation; after a crash, some may come twice. A direct one is closed with
   * it to whoever has the id next.
   */
  async #tell({ userId, keepsMessages }: Erasure): Promise<boolean> {
    const { store, changes, messages } = this.#options;
    const event = { userId, messages: keepsMessages ? "kept" : "erased" } as const;
    for (;;) {
      const ids = await store.untold(userId, PORTION_CONVERSATIONS);
      if (ids.length === 0) return true;
      await Promise.all(
        ids.map((id) =>
          changes.run(id, (conversation, settled) => {
            if (conversation === null || conversation.members.size === 0) {
              settled(null);
              return;
            }
            messages.tell(conversation, SYSTEM, { type: "USER_ERASED", event });
            const member = conversation.members.get(userId);
            if (member === undefined) changes.settleWithOthers(conversation, settled);
            else changes.startAnew(conversation, member, settled);
          }),
        ),
      );
      await store.told(userId, ids);
      if (!(await this.#pause(PAUSE_MS))) return false;
    }
  }

  /** False when it is stopped. */
  async #pause(ms: number): Promise<boolean> {
    if (this.#isStopped) return false;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.schedule(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
    return !this.#isStopped;
  }
}

interface UnderWay {
  readonly erasure: Erasure;
  /** Since when this node knows of it. */
  readonly sinceMs: number;
}

function notKept(): never {
  throw new AppError("STORAGE_UNAVAILABLE", "The store does not say that a user is to be removed");
}
