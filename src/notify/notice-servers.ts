import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { NoticeChannel, NoticeProvider, NoticeTarget, SendOutcome } from "./provider.ts";
import { SiteShares } from "./site-shares.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface NoticeServersOptions {
  readonly provider: Pick<NoticeProvider, "channel" | "server" | "concurrency">;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
  readonly random: () => number;
  readonly log: Log;
}

/** One that fails, and is left alone but for single sends. */
export interface FailingServer {
  readonly channel: NoticeChannel | "webhook";
  /** Its host. */
  readonly server: string;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** For operators. */
  readonly reason: string;
}

/** Of those that failed last: users name servers, and more of them would be tried too often only. */
const MOST_KEPT = 10_000;
/** Where each target names its server, the log tells so often of one that fails. */
const TELL_MS = 60_000;

type Retry = Extract<SendOutcome, { kind: "retry" }>;

interface Server {
  readonly breaker: CircuitBreaker;
  readonly line: WaitingLine;
  underWay: number;
  /** By the last send that has ended. */
  tookMs: number;
  /** The log has told of its outage. */
  isTold: boolean;
}

/**
 * The servers that take what one channel sends: the provider's own, or those that targets name. One
 * that fails is left alone as a whole, and keeps no notice of another one waiting.
 */
export class NoticeServers {
  readonly #options: NoticeServersOptions;
  /** Those of which there is something to remember. */
  readonly #servers = new Map<string, Server>();
  #shares: SiteShares | null;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: NoticeServersOptions) {
    this.#options = options;
    this.#shares = sharesOf(options);
  }

  /** Another node sends from now on, and learns by itself. Nothing is under way. */
  forget(): void {
    this.#servers.clear();
    this.#shares = sharesOf(this.#options);
  }

  /** Sends that may be under way at a time, to whatever server. */
  get most(): number {
    const { server, concurrency } = this.#options.provider;
    if (server === null) return concurrency;
    return Math.min(concurrency, this.#servers.get(server)?.breaker.room ?? concurrency);
  }

  /** Where it is sent to. */
  serverOf({ address }: NoticeTarget): string {
    // What is not sent at all, its address being no URL, is of no server that could fail.
    return this.#options.provider.server ?? URL.parse(address)?.host ?? "";
  }

  /**
   * null: a send to it may begin. Otherwise when its turn comes, about, in epoch milliseconds: those
   * who ask stand in line.
   */
  turnMs(name: string): number | null {
    const nowMs = this.#options.clock.now();
    const server = this.#servers.get(name);
    if (server === undefined || server.underWay < server.breaker.room) {
      return this.#shares?.turnMs(name, nowMs) ?? null;
    }
    const { breaker, line, tookMs } = server;
    return line.turnMs(nowMs + breaker.pauseMs, tookMs / Math.max(1, breaker.room));
  }

  /** A send has begun; what is returned takes how it has ended; null: it was given up. */
  began(name: string): (outcome: SendOutcome | null) => void {
    const { clock } = this.#options;
    const server = this.#remembered(name);
    const fromMs = clock.monotonicMs();
    server.underWay += 1;
    this.#shares?.began(name);
    return (outcome) => {
      server.underWay -= 1;
      server.tookMs = clock.monotonicMs() - fromMs;
      const works = outcome === null ? null : worksBy(outcome);
      this.#shares?.ended(name, server.tookMs, works);
      if (works === true) this.#worked(name, server);
      else if (works === false && outcome?.kind === "retry") this.#failed(name, server, outcome);
      this.#forgetIfIdle(name, server);
    };
  }

  /** Why it has failed for so long, or longer; null: it has not, or is just to be tried again. */
  failingFor(name: string, ms: number): string | null {
    const breaker = this.#servers.get(name)?.breaker;
    if (breaker === undefined || breaker.outageMs < ms || breaker.pauseMs === 0) return null;
    return breaker.outage?.reason ?? null;
  }

  get failing(): readonly FailingServer[] {
    const { channel } = this.#options.provider;
    const found: FailingServer[] = [];
    for (const [server, { breaker }] of this.#servers) {
      const { outage } = breaker;
      if (outage === null) continue;
      found.push({ channel, server, sinceMs: outage.sinceMs, reason: outage.reason });
    }
    return found;
  }

  #remembered(name: string): Server {
    const server = this.#servers.get(name) ?? this.#newServer();
    // Behind the others: the one that was sent to longest ago is forgotten first.
    this.#servers.delete(name);
    this.#servers.set(name, server);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size > MOST_KEPT && oldest !== undefined) this.#servers.delete(oldest);
    return server;
  }

  #newServer(): Server {
    const { provider, clock, random } = this.#options;
    const { concurrency } = provider;
    return {
      breaker: new CircuitBreaker({ concurrency, clock, random }),
      ...{ line: new WaitingLine(random), underWay: 0, tookMs: 0, isTold: false },
    };
  }

  #forgetIfIdle(name: string, server: Server): void {
    const isIdle = server.underWay === 0 && server.breaker.isUntouched;
    if (isIdle && this.#servers.get(name) === server) this.#servers.delete(name);
  }

  #worked(name: string, server: Server): void {
    if (!server.breaker.succeeded()) return;
    server.line.clear();
    if (!server.isTold) return;
    server.isTold = false;
    const { provider, log } = this.#options;
    log.info({ channel: provider.channel, server: name }, "A server of notices works again");
  }

  #failed(name: string, server: Server, { reason, afterMs }: Retry): void {
    if (!server.breaker.failed(reason, afterMs)) return;
    const { provider, clock, log } = this.#options;
    const { channel } = provider;
    const nowMs = clock.monotonicMs();
    if (provider.server === null && nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    server.isTold = true;
    log.warn({ channel, server: name, reason }, "A server of notices fails, and is left alone");
  }
}

/** null: nobody but the operator chooses what takes the lanes of a server that is the provider's own. */
function sharesOf({ provider, random }: NoticeServersOptions): SiteShares | null {
  return provider.server === null ? new SiteShares(provider.concurrency, random) : null;
}

/** Whether the server works where a send has ended so; null: it does not show. */
function worksBy(outcome: SendOutcome): boolean | null {
  // It may never have been sent.
  if (outcome.kind === "refused") return null;
  return outcome.kind !== "retry" || outcome.blames === "target";
}
