import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import type { NoticeChannel, NoticeProvider, NoticeTarget, SendOutcome } from "./provider.ts";

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
/** Between two turns at a server: as if it took so long, where it is not known, and at least. */
const ASSUMED_MS = 100;
const SHORTEST_MS = 10;
/** However many wait in line, each has its turn within this time, if only to be put off again. */
const LONGEST_LINE_MS = 60_000;

interface Server {
  readonly breaker: CircuitBreaker;
  underWay: number;
  /** By the last send that has ended. */
  tookMs: number;
  /** Of the last one in line, epoch milliseconds. */
  lastTurnMs: number;
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
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: NoticeServersOptions) {
    this.#options = options;
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
    const server = this.#servers.get(name);
    if (server === undefined || server.underWay < server.breaker.room) return null;
    const { clock, random } = this.#options;
    const { breaker, tookMs } = server;
    const firstMs = clock.now() + breaker.pauseMs;
    const spacingMs = Math.max(SHORTEST_MS, tookMs / Math.max(1, breaker.room));
    const turnMs = Math.max(server.lastTurnMs, firstMs) + spacingMs;
    if (turnMs > firstMs + LONGEST_LINE_MS) return Math.ceil(firstMs + random() * LONGEST_LINE_MS);
    server.lastTurnMs = turnMs;
    return Math.ceil(turnMs);
  }

  /** A send has begun; what is returned takes how it has ended; null: it was given up. */
  began(name: string): (outcome: SendOutcome | null) => void {
    const { clock } = this.#options;
    const server = this.#servers.get(name) ?? this.#remember(name);
    const fromMs = clock.monotonicMs();
    server.underWay += 1;
    return (outcome) => {
      server.underWay -= 1;
      server.tookMs = clock.monotonicMs() - fromMs;
      if (outcome !== null) this.#learn(name, server, outcome);
      if (server.underWay === 0 && server.breaker.isUntouched) this.#servers.delete(name);
    };
  }

  /** Why it has failed for so long, or longer; null: it has not. */
  failingFor(name: string, ms: number): string | null {
    const breaker = this.#servers.get(name)?.breaker;
    return breaker === undefined || breaker.outageMs < ms ? null : (breaker.outage?.reason ?? null);
  }

  get failing(): readonly FailingServer[] {
    const { channel } = this.#options.provider;
    return [...this.#servers].flatMap(
      ([
        server,
        {
          breaker: { outage },
        },
      ]) =>
        outage === null ? [] : { channel, server, sinceMs: outage.sinceMs, reason: outage.reason },
    );
  }

  #remember(name: string): Server {
    const { provider, clock, random } = this.#options;
    const { concurrency } = provider;
    const server: Server = {
      breaker: new CircuitBreaker({ concurrency, clock, random }),
      ...{ underWay: 0, tookMs: ASSUMED_MS, lastTurnMs: 0, isTold: false },
    };
    this.#servers.set(name, server);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size > MOST_KEPT && oldest !== undefined) this.#servers.delete(oldest);
    return server;
  }

  #learn(name: string, server: Server, outcome: SendOutcome): void {
    // What is refused may never have been sent, and says nothing of the server.
    if (outcome.kind === "refused") return;
    if (outcome.kind === "retry" && outcome.blames === "provider") {
      const { reason, afterMs } = outcome;
      if (server.breaker.failed(reason, afterMs)) this.#tellOfOutage(name, server, reason);
    } else if (server.breaker.succeeded()) {
      server.lastTurnMs = 0;
      this.#tellOfEnd(name, server);
    }
  }

  #tellOfOutage(name: string, server: Server, reason: string): void {
    const { provider, clock, log } = this.#options;
    const { channel } = provider;
    const nowMs = clock.monotonicMs();
    if (provider.server === null && nowMs - this.#toldMs < TELL_MS) return;
    this.#toldMs = nowMs;
    server.isTold = true;
    log.warn({ channel, server: name, reason }, "A server of notices fails, and is left alone");
  }

  #tellOfEnd(name: string, server: Server): void {
    const { provider, log } = this.#options;
    if (!server.isTold) return;
    server.isTold = false;
    log.info({ channel: provider.channel, server: name }, "A server of notices works again");
  }
}
