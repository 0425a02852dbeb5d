import type { Frame } from "../stomp/frame.ts";

/**
 * Frames one after another: a frame whose handling needs no waiting is handled at once, without a
 * promise; behind one that waits, the others queue.
 */
export class FrameSequence {
  #queue: Frame[] = [];
  #isWaiting = false;
  #isStopped = false;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(
    /** Handles its faults itself; a promise only if there is something to wait for. */
    readonly handle: (frame: Frame) => Promise<void> | undefined,
    readonly capacity: number,
    /** More frames came than may queue. */
    readonly onOverflow: () => void,
  ) {}

  readonly accept = (frame: Frame): void => {
    if (this.#isStopped) return;
    if (!this.#isWaiting) this.#start(frame);
    else if (this.#queue.length < this.capacity) this.#queue.push(frame);
    else this.onOverflow();
  };

  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** A promise only while a frame is waited for; it resolves when none is, or at `stop`. */
  idle(): Promise<void> | null {
    if (!this.#isWaiting || this.#isStopped) return null;
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  /** Nothing more is handled. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
    this.#tellIdle();
  }

  #start(frame: Frame): void {
    const handling = this.handle(frame);
    if (handling === undefined) return;
    this.#isWaiting = true;
    const resume = () => this.#resume();
    handling.then(resume, resume);
  }

  #resume(): void {
    this.#isWaiting = false;
    while (!this.#isWaiting && !this.#isStopped) {
      const next = this.#queue.shift();
      if (next === undefined) {
        this.#tellIdle();
        return;
      }
      this.#start(next);
    }
  }

  #tellIdle(): void {
    this.#idle?.resolve();
    this.#idle = null;
  }
}
