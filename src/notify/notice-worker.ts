import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import { FailureLog } from "./failure-log.ts";
import { NoticeLane, type Told } from "./notice-lane.ts";
import { attempted, buried, judged, type NoticePace } from "./notice-outcome.ts";
import { type FailingServer, NoticeServers } from "./notice-servers.ts";
import { NoticeSweep } from "./notice-sweep.ts";
import { NoticeTriage } from "./notice-triage.ts";
import type {
  DeadLetter,
  DueNotice,
  NoticeOutcome,
  NoticeStore,
  NoticeTargetStore,
} from "./ports.ts";
import type { NoticeChannel, NoticeProvider, SendOutcome } from "./provider.ts";
import { Settling } from "./settling.ts";
import { TargetRests } from "./target-rests.ts";
import type { WebhookEvent } from "./webhook-ports.ts";

export interface NoticeWorkerOptions {
  readonly store: NoticeStore & Pick<NoticeTargetStore, "removeTarget">;
  /** With what each does; at most one of a channel. */
  readonly providers: readonly { readonly provider: NoticeProvider; readonly pace: NoticePace }[];
  /** Dead letters are kept so long; null: until somebody takes them away. */
  readonly keepDeadMs: number | null;
  /** Messages become events for webhooks too. */
  readonly webhooks: boolean;
  /** From the start of the work to the first send. */
  readonly startDelayMs: number;
  /** There may be new ones. */
  readonly onEvents: () => void;
  /** The user has a connection to some node, or had one a moment ago. */
  readonly isThere: (userId: string) => boolean;
  /** From a message on: by then it is known whether a connection lives that has taken it. */
  readonly doubtMs: number;
  readonly onOutcome: (channel: NoticeChannel, outcome: SendOutcome["kind"] | "dead") => void;
  /** What the app's back end is told of a dead letter; null: nothing. */
  readonly eventOf: (letter: DeadLetter) => WebhookEvent | null;
  /** Of dead letters. */
  readonly newId: () => string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Entries of the outbox that one transaction takes. */
const EXPANDED = 200;
/** Such transactions before what is due is looked at: however much comes, notices go out. */
const MOST_EXPANSIONS = 20;
/** Notices that are looked at in one turn: each is some reads, for which messages wait. */
const LOOKED_AT = 32;
/** Those that wait for their servers are passed by, so many in one look: what follows may be sent. */
const PASSED_BY = 64;
/** From a look that has passed so many by to the next one. */
const GO_ON_MS = 20;
/** Other nodes' messages are found so long after their commit, at most. */
const POLL_MS = 500;
/**
 * From a commit of messages to the look at them: however many commits there are, the outbox is
 * expanded as often as this.
 */
const GATHER_MS = 100;
/** A stop waits so long for what is under way. */
const STOP_MS = 2_000;

interface Lane {
  readonly lane: NoticeLane;
  readonly pace: NoticePace;
  readonly servers: NoticeServers;
  readonly rests: TargetRests;
  readonly triage: NoticeTriage;
  readonly failures: FailureLog;
}

/**
 * Tells users who are not there: makes notices of what is in the outbox, and sends those that are due.
 * One node of an installation does it; where two do for a moment, a notice is sent twice with one key.
 */
export class NoticeWorker {
  readonly #options: NoticeWorkerOptions;
  readonly #lanes: readonly Lane[];
  readonly #settling: Settling<NoticeOutcome>;
  readonly #sweep: NoticeSweep;
  #isRunning = false;
  #isLooking = false;
  #isWoken = false;
  /** There may be more to look at, soon. */
  #goesOn = false;
  #looked: Promise<void> = Promise.resolve();
  #timer: Timer | null = null;
  #gathering: Timer | null = null;
  /** Until it is over, nothing is sent. */
  #starting: Timer | null = null;

  constructor(options: NoticeWorkerOptions) {
    this.#options = options;
    const { store, clock, random, log, isThere, doubtMs } = options;
    this.#settling = new Settling(store, clock, (err) => this.#faulty(err));
    this.#sweep = new NoticeSweep(options);
    this.#lanes = options.providers.map(({ provider, pace }) => {
      const servers = new NoticeServers({ provider, clock, random, log });
      const rests = new TargetRests(pace, random);
      const lane: Lane = {
        lane: new NoticeLane({
          ...{ provider, servers, clock, timeoutMs: pace.timeoutMs },
          onOutcome: (told, outcome) => this.#sent(lane, told, outcome),
        }),
        triage: new NoticeTriage({ pace, rests, isThere, doubtMs }),
        failures: new FailureLog(pace.channel, clock, log),
        ...{ pace, servers, rests },
      };
      return lane;
    });
  }

  /** Servers that fail, as the node knows that sends. */
  get failing(): readonly FailingServer[] {
    return this.#lanes.flatMap(({ servers }) => servers.failing);
  }

  start(): void {
    const { clock, startDelayMs } = this.#options;
    this.#isRunning = true;
    this.#settling.start();
    // Users whose connections have just been lost come back, and are told by these.
    this.#starting = clock.schedule(startDelayMs, () => {
      this.#starting = null;
      this.wake();
    });
    this.wake();
  }

  /** Gives up, after a moment, what is under way: whoever leads next sends it again. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = null;
    this.#gathering?.cancel();
    this.#gathering = null;
    this.#starting?.cancel();
    this.#starting = null;
    const giveUp = this.#options.clock.schedule(STOP_MS, () => {
      for (const { lane } of this.#lanes) lane.abort();
    });
    this.#settling.stop();
    for (const { triage } of this.#lanes) triage.clear();
    await this.#looked;
    await Promise.all(this.#lanes.map(({ lane }) => lane.drained()));
    for (const { servers } of this.#lanes) servers.forget();
    giveUp.cancel();
  }

  /** Messages are in the outbox. Cheap, and does nothing unless this node does the work. */
  committed(): void {
    if (!this.#isRunning || this.#gathering !== null) return;
    this.#gathering = this.#options.clock.schedule(GATHER_MS, () => {
      this.#gathering = null;
      this.wake();
    });
  }

  /** The user has no connection any more: what has waited for that is due, when it resolves. */
  async departed(userId: string): Promise<void> {
    const nowMs = this.#options.clock.now();
    const outcomes = this.#lanes.flatMap(({ triage }) => triage.departed(userId, nowMs));
    if (outcomes.length === 0) return;
    await this.#settling.add(outcomes);
    this.wake();
  }

  /** Something is in the outbox, or due. */
  wake(): void {
    if (!this.#isRunning) return;
    this.#isWoken = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#looked = this.#look();
  }

  /** Resolves when nothing is left to be done now: what is under way has ended, too. */
  async rested(): Promise<void> {
    while (this.#isLooking || this.#lanes.some(({ lane }) => lane.busyTargets.length > 0)) {
      await this.#looked;
      await Promise.all(this.#lanes.map(({ lane }) => lane.drained()));
    }
  }

  async #look(): Promise<void> {
    try {
      while (this.#isWoken && this.#isRunning) {
        this.#isWoken = false;
        await this.#expand();
        if (this.#starting === null) for (const each of this.#lanes) await this.#work(each);
        await this.#sweep.sweep();
      }
      await this.#schedule();
    } catch (fault) {
      this.#faulty(fault);
      this.#scheduleIn(POLL_MS);
    } finally {
      this.#isLooking = false;
      if (this.#isWoken) this.wake();
    }
  }

  async #expand(): Promise<void> {
    const { store, webhooks, clock, onEvents } = this.#options;
    const channels = this.#lanes.map(({ pace }) => pace);
    const expansion = { limit: EXPANDED, channels, webhooks };
    let expansions = 0;
    while (this.#isRunning && (await store.expand({ ...expansion, nowMs: clock.now() }))) {
      expansions += 1;
      if (expansions < MOST_EXPANSIONS) continue;
      this.#isWoken = true;
      break;
    }
    if (webhooks) onEvents();
  }

  async #work(each: Lane): Promise<void> {
    await this.#begin(each);
    await this.#giveUp(each);
  }

  /** Looks at what is due until there is nothing more that may be sent now. */
  async #begin(each: Lane): Promise<void> {
    const { store, clock } = this.#options;
    const { lane, pace, triage } = each;
    const { channel } = pace;
    let passedBy = 0;
    while (this.#isRunning && lane.room > 0 && passedBy < PASSED_BY) {
      const nowMs = clock.now();
      const most = lane.provider.gathers ? LOOKED_AT : Math.min(LOOKED_AT, lane.room);
      const dues = await store.due(channel, nowMs, most, lane.busyTargets);
      const { told, untold } = triage.sort(dues, nowMs);
      for (const { due, untilMs } of lane.begin(told)) {
        passedBy += 1;
        untold.push(this.#waited(each, due) ?? judged(due, { kind: "later", dueMs: untilMs }));
      }
      if (untold.length > 0) await this.#settling.add(untold);
      this.#tellOfDead(channel, untold);
      if (told.length + untold.length === 0) break;
    }
    if (passedBy >= PASSED_BY) this.#goesOn = true;
  }

  /** null: what a server has kept waiting may wait longer. Else it is given up, sent or not. */
  #waited({ pace, servers }: Lane, due: DueNotice): NoticeOutcome | null {
    const { clock, random, newId, eventOf } = this.#options;
    const nowMs = clock.now();
    if (nowMs - due.createdMs < pace.giveUpMs) return null;
    const reason = servers.failingFor(servers.serverOf(due.target), pace.giveUpMs);
    return reason === null ? null : buried(due, reason, { nowMs, random, newId, eventOf });
  }

  /** Of what the channel's one server has kept waiting too long, some: none of it is looked at else. */
  async #giveUp(each: Lane): Promise<void> {
    const { lane, pace, servers } = each;
    const { server } = lane.provider;
    if (server === null || servers.failingFor(server, pace.giveUpMs) === null) return;
    const { store, clock } = this.#options;
    const dues = await store.due(pace.channel, clock.now(), LOOKED_AT, lane.busyTargets);
    const outcomes = dues.flatMap((due) => this.#waited(each, due) ?? []);
    if (outcomes.length > 0) await this.#settling.add(outcomes);
    this.#tellOfDead(pace.channel, outcomes);
  }

  async #sent(each: Lane, told: readonly Told[], outcome: SendOutcome): Promise<void> {
    const { channel } = each.pace;
    this.#options.onOutcome(channel, outcome.kind);
    each.failures.tell(outcome);
    const targetId = told[0]?.due.target.id ?? "";
    if (outcome.kind === "retry") each.rests.failed(targetId, this.#options.clock.now());
    else each.rests.answered(targetId);
    if (outcome.kind !== "gone") await this.#settle(each.pace, told, outcome);
    else if (!(await this.#forgetTarget(told, outcome.reason))) {
      // It would be sent again at once, and again, for as long as the store takes no writes.
      const { reason } = outcome;
      const again = { kind: "retry", blames: "target", reason, afterMs: null } as const;
      await this.#settle(each.pace, told, again);
    }
    this.wake();
  }

  /** Resolves when it is on disk, or this is stopped. */
  async #settle(
    pace: NoticePace,
    told: readonly Told[],
    outcome: Exclude<SendOutcome, { kind: "gone" }>,
  ): Promise<void> {
    const { clock, random, newId, eventOf } = this.#options;
    const chances = { nowMs: clock.now(), random, newId, eventOf };
    const outcomes = told.map(({ due }) => attempted(due, outcome, pace, chances));
    await this.#settling.add(outcomes);
    this.#tellOfDead(pace.channel, outcomes);
  }

  /** Resolves with whether the store has done it. */
  async #forgetTarget([first]: readonly Told[], reason: string): Promise<boolean> {
    const { store, log } = this.#options;
    if (first === undefined) return true;
    const { channel, userId, id } = first.due.target;
    try {
      await store.removeTarget(userId, id);
    } catch (fault) {
      this.#faulty(fault);
      return false;
    }
    log.info({ channel, reason }, "A target of notices is gone");
    return true;
  }

  #tellOfDead(channel: NoticeChannel, outcomes: readonly NoticeOutcome[]): void {
    const { onOutcome, onEvents } = this.#options;
    const dead = outcomes.filter((outcome) => outcome.kind === "dead");
    for (const _ of dead) onOutcome(channel, "dead");
    if (dead.some(({ event }) => event !== null)) onEvents();
  }

  async #schedule(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#goesOn) {
      this.#goesOn = false;
      this.#scheduleIn(GO_ON_MS);
      return;
    }
    const waiting = this.#lanes.filter(({ lane }) => lane.room > 0);
    const dueMs = await store.nextDueMs(waiting.map(({ pace }) => pace.channel));
    const waitMs = dueMs === null ? POLL_MS : dueMs - clock.now();
    // What is due and under way is none to hurry for: its end wakes.
    this.#scheduleIn(waitMs > 0 ? Math.min(waitMs, POLL_MS) : POLL_MS);
  }

  #scheduleIn(ms: number): void {
    if (!this.#isRunning) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.schedule(ms, () => this.wake());
  }

  /** The store may be away; what is due stays so. */
  #faulty(err: unknown): void {
    this.#options.log.warn({ err }, "Notices wait: the store does not answer");
  }
}
