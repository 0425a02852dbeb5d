import type { CliContext, MigrationProgress } from "./context.ts";

/** How often a terminal's line is drawn anew, and how often a line is written elsewhere. */
const REDRAW_MS = 100;
const LINE_MS = 5_000;
const BAR_WIDTH = 24;
const CLEAR_LINE = "\r\u001b[K";

const PHASES = {
  reading: "Reading",
  moving: "Moving",
  indexing: "Building the index",
  checking: "Checking",
} as const;

/** Shows on stderr how far a migration is: a bar on a terminal, elsewhere a line every few seconds. */
export class MigrationMeter {
  readonly #context: CliContext;
  #phase: MigrationProgress["phase"] | undefined;
  #what = "";
  /** Of the phase's beginning in this run. */
  #startMs = 0;
  #startDone = 0;
  #shownMs = 0;
  #isLineOpen = false;

  constructor(context: CliContext) {
    this.#context = context;
  }

  show(progress: MigrationProgress): void {
    const { clock, isErrorTerminal, stderr } = this.#context;
    const nowMs = clock.monotonicMs();
    const { phase, what, done, total } = progress;
    const isNewPhase = phase !== this.#phase;
    if (isNewPhase) {
      this.#phase = phase;
      this.#startMs = nowMs;
      this.#startDone = done;
    }
    // What takes long by itself is told of when it begins.
    const isStep = phase === "indexing" && what !== this.#what;
    this.#what = what;
    const isEnd = done === total;
    const pauseMs = isErrorTerminal ? REDRAW_MS : LINE_MS;
    if (!isNewPhase && !isStep && !isEnd && nowMs - this.#shownMs < pauseMs) return;
    this.#shownMs = nowMs;
    const text = this.#text(progress, nowMs);
    if (!isErrorTerminal) {
      stderr(`${text}\n`);
      return;
    }
    stderr(`${isNewPhase && this.#isLineOpen ? "\n" : ""}${CLEAR_LINE}${text}`);
    this.#isLineOpen = true;
  }

  /** What is written next begins a line. Idempotent. */
  end(): void {
    if (this.#isLineOpen) this.#context.stderr("\n");
    this.#isLineOpen = false;
  }

  #text({ phase, what, done, total }: MigrationProgress, nowMs: number): string {
    if (phase === "reading") return `${PHASES[phase]} ${what}`;
    if (phase === "indexing") return `${PHASES[phase]} ${what} (${done + 1} of ${total})`;
    const name = `${PHASES[phase]}${what === "" ? "" : ` ${what}`}`;
    const share = total === 0 ? 1 : done / total;
    const bar = this.#context.isErrorTerminal ? `${barOf(share)} ` : "";
    const percent = `${Math.floor(share * 100)} %`;
    return `${name}: ${bar}${percent}, ${done} of ${total} rows${this.#pace(done, total, nowMs)}`;
  }

  #pace(done: number, total: number, nowMs: number): string {
    const seconds = (nowMs - this.#startMs) / 1_000;
    const perSecond = (done - this.#startDone) / seconds;
    if (!(perSecond > 0) || !Number.isFinite(perSecond)) return "";
    const left = done < total ? `, ${duration((total - done) / perSecond)} left` : "";
    return `, ${Math.round(perSecond)} rows/s${left}`;
  }
}

function barOf(share: number): string {
  const full = Math.floor(share * BAR_WIDTH);
  return `[${"#".repeat(full)}${".".repeat(BAR_WIDTH - full)}]`;
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
