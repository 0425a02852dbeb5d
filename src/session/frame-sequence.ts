import { detachedFrame, type Frame, sizeOf } from "../stomp/frame.ts";

export interface PendingLimits {
  /** Frames that may queue behind one that is waited for. */
  readonly pendingFrames: number;
  /** Bytes of those. */
  readonly pendingBytes: number;
}

/**
 * Frames one after another: a frame whose handling needs no waiting is handled at once, without a
 * promise; behind one that waits, the others queue.
 */
export class FrameSequence {
  #queue: Frame[] = [];
  #queuedBytes = 0;
  #isWaiting = false;
  #isStopped = false;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(
    /** Handles its faults itself; a promise only if there is something to wait for. */
    readonly handle: (frame: Frame) => Promise<void> | undefined,
    public limits: PendingLimits,
    /** More frames came than may queue. */
    readonly onOverflow: () => void,
  ) {}

  readonly accept = (frame: Frame): void => {
    if (this.#isStopped) return;
    if (!this.#isWaiting) this.#start(frame);
    else this.#enqueue(frame);
  };

  /** Of the frames that wait. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

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

  /** A copy, which does not keep the whole transport message that the frame came in. */
  #enqueue(frame: Frame): void {
    const bytes = this.#queuedBytes + sizeOf(frame);
    const { pendingFrames, pendingBytes } = this.limits;
    if (this.#queue.length >= pendingFrames || bytes > pendingBytes) {
      this.onOverflow();
      return;
    }
    this.#queue.push(detachedFrame(frame));
    this.#queuedBytes = bytes;
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
      this.#queuedBytes -= sizeOf(next);
      this.#start(next);
    }
  }

  #tellIdle(): void {
    this.#idle?.resolve();
    this.#idle = null;
  }
}
