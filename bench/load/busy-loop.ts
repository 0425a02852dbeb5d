import { cpus } from "node:os";

/** Below this the client shares its core with the server and must not keep it for itself. */
const CORES_TO_SPIN = 2;

/** A turn without work that took longer was not spinning all the time: other programs ran. */
const LONGEST_SPIN_MS = 0.1;

export interface LoopTimes {
  readonly wallMs: number;
  /** CPU time of the process, without what it spun. */
  readonly cpuMs: number;
}

/**
 * Turns the event loop without ever sleeping. A sleeping client would add its timers' steps of a
 * millisecond, and the waking of its core, to each time that it measures.
 *
 * As a process that spins uses all of its core whatever it does, the turns in which nothing was sent
 * or received do not count as its work.
 */
export class BusyLoop {
  #hadWork = false;

  /** Something was sent or received in this turn. */
  worked(): void {
    this.#hadWork = true;
  }

  /** Calls `turn` in each turn until it returns false. */
  async run(turn: (nowMs: number) => boolean): Promise<LoopTimes> {
    const spins = cpus().length >= CORES_TO_SPIN; // Of the machine, not those it is pinned to.
    const cpuBefore = process.cpuUsage();
    const startMs = performance.now();
    let turnMs = startMs;
    let spunMs = 0;
    this.#hadWork = true;
    await new Promise<void>((resolve, reject) => {
      const next = () => {
        try {
          const nowMs = performance.now();
          const tookMs = nowMs - turnMs;
          if (spins && !this.#hadWork && tookMs < LONGEST_SPIN_MS) spunMs += tookMs;
          this.#hadWork = false;
          turnMs = nowMs;
          if (!turn(nowMs)) resolve();
          else if (spins) setImmediate(next);
          else setTimeout(next, 1);
        } catch (fault) {
          reject(fault);
        }
      };
      next();
    });
    const { user, system } = process.cpuUsage(cpuBefore);
    return { wallMs: turnMs - startMs, cpuMs: Math.max(0, (user + system) / 1_000 - spunMs) };
  }
}
