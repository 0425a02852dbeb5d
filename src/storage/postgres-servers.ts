import type { Clock } from "../clock.ts";
import { connectionsTo, endConnections, within } from "./postgres-connections.ts";
import { faultOf, isConnectionLost, isReadOnly, PostgresFault } from "./postgres-errors.ts";
import type { PostgresHost, PostgresTarget } from "./postgres-url.ts";

/**
 * The server that takes writes. It is the same one as long as it is the same object: with another one
 * nothing goes on over connections to this one.
 */
export interface PostgresPrimary {
  readonly host: PostgresHost;
  /**
   * Counts the servers that took another one's place before it, one after the other; null: it does not
   * say.
   */
  readonly timeline: number | null;
}

/** An expression for the timeline, where a server says it. */
const TIMELINE = `('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int`;

/** So long a server may take to say whether it takes writes; all are asked at once. */
const ANSWER_SECONDS = 3;
const CLOSE_SECONDS = 1;

/**
 * Which server of a target takes writes. All that is connected to it asks here, so that all moves to
 * another one together. It is found out again after a doubt; of several that take writes it is the one
 * that was promoted last, and never one that others were promoted over: such a server has come back
 * without knowing that its place was taken.
 */
export class PostgresServers {
  readonly #clock: Clock;
  readonly #listeners: (() => void)[] = [];
  #primary: PostgresPrimary | null = null;
  #isSure = false;
  #asked: Promise<PostgresPrimary> | null = null;
  /** Of the primaries until now. */
  #newestTimeline = 0;

  constructor(
    readonly target: PostgresTarget,
    clock: Clock,
  ) {
    this.#clock = clock;
  }

  /** Rejects with PostgresFault that says of each server why it is not the one. */
  async primary(): Promise<PostgresPrimary> {
    if (this.#primary !== null && this.#isSure) return this.#primary;
    this.#asked ??= this.#find().finally(() => {
      this.#asked = null;
    });
    return await this.#asked;
  }

  /** A connection to it failed: others may be well. */
  doubt(primary: PostgresPrimary): void {
    if (this.#primary === primary) this.#isSure = false;
  }

  /** What goes to it gets no answer: if it is found again, then by other connections. */
  giveUp(primary: PostgresPrimary): void {
    if (this.#primary === primary) this.#primary = null;
  }

  /** Hears when there is another one, and nothing is to be expected of the one before. */
  onMoved(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async #find(): Promise<PostgresPrimary> {
    const { hosts } = this.target;
    const before = this.#primary;
    const answers = await Promise.all(hosts.map((host) => this.#ask(host)));
    const found = latestOf(answers.filter(isPrimary));
    if (found === null) throw noneOf(hosts, answers.filter(isFault));
    this.#newestTimeline = found.timeline ?? this.#newestTimeline;
    this.#isSure = true;
    if (before !== null && before === this.#primary && isSame(before, found)) return before;
    this.#primary = found;
    for (const listener of this.#listeners) listener();
    return found;
  }

  async #ask(host: PostgresHost): Promise<PostgresPrimary | PostgresFault> {
    const sql = connectionsTo(host, {
      ...{ max: 1, connectSeconds: ANSWER_SECONDS },
      parameters: { application_name: "parley hosts", statement_timeout: `${ANSWER_SECONDS}000` },
    });
    const ask = async <Row>(text: string): Promise<Row | undefined> => {
      const [row]: Row[] = await within(this.#clock, ANSWER_SECONDS * 1_000, sql.unsafe(text));
      return row;
    };
    try {
      const mode = await ask<{ mode: string }>(
        "SELECT current_setting('transaction_read_only') AS mode",
      );
      if (mode?.mode !== "off") return readsAlone();
      const timeline = await ask<{ timeline: number }>(`SELECT ${TIMELINE} AS timeline`).then(
        (row) => row?.timeline ?? null,
        (thrown) => {
          // Some services have no such function.
          if (isConnectionLost(faultOf(thrown))) throw thrown;
          return null;
        },
      );
      if (timeline !== null && timeline < this.#newestTimeline) return outdated(timeline);
      return { host, timeline };
    } catch (thrown) {
      const fault = faultOf(thrown);
      if (isReadOnly(fault)) return readsAlone();
      if (fault instanceof PostgresFault) return fault;
      const reason = fault instanceof Error ? fault.message : "it cannot be connected to";
      return new PostgresFault("unreachable", reason);
    } finally {
      void endConnections(sql, this.#clock, CLOSE_SECONDS);
    }
  }
}

function isFault(answer: PostgresPrimary | PostgresFault): answer is PostgresFault {
  return answer instanceof PostgresFault;
}

function isPrimary(answer: PostgresPrimary | PostgresFault): answer is PostgresPrimary {
  return !isFault(answer);
}

/** Of several the first. */
function latestOf(primaries: readonly PostgresPrimary[]): PostgresPrimary | null {
  const [latest] = primaries.toSorted((one, other) => (other.timeline ?? 0) - (one.timeline ?? 0));
  return latest ?? null;
}

function isSame(one: PostgresPrimary, other: PostgresPrimary): boolean {
  return one.host === other.host && one.timeline === other.timeline;
}

function readsAlone(): PostgresFault {
  return new PostgresFault("read-only", "takes no writes, as it follows another server");
}

function outdated(timeline: number): PostgresFault {
  return new PostgresFault(
    "read-only",
    `is on timeline ${timeline}, over which another server has been promoted`,
  );
}

/** Something that is wrong with one of them says more than that another one is away. */
function noneOf(hosts: readonly PostgresHost[], faults: readonly PostgresFault[]): PostgresFault {
  const worst =
    faults.find((fault) => !isConnectionLost(fault)) ?? faults.find(isReadOnly) ?? faults[0];
  const state = worst?.state ?? "unreachable";
  if (faults.length === 1) return new PostgresFault(state, worst?.message ?? "");
  const told = faults.map(({ message }, at) => `${hosts[at]?.name}: ${message}`);
  return new PostgresFault(state, told.join("; "));
}
