import type { Frame } from "../stomp/frame.ts";

/**
 * Frames one after another: a frame whose handling needs no waiting is handled at once, without a
 * promise; behind one that waits, the others queue.
 */
export class FrameSequence {
  #queue: Frame[] = [];
  #isWaiting = false;
  #isStopped = false;

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

  /** Nothing more is handled. */
  stop(): void {
    this.#isStopped = true;
    this.#queue = [];
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
      if (next === undefined) return;
      this.#start(next);
    }
  }
}
