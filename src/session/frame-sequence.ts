import { detachedFrame, type Frame, sizeOf } from "../stomp/frame.ts";

export interface PendingLimits {
  /** Frames that may queue behind one that is waited for. */
  readonly pendingFrames: number;
  /** Bytes of those. */
  readonly pendingBytes: number;
}

/** What is done with the frames of its owner; one for all owners of a kind. */
export interface FrameHandling<Owner> {
  /** Handles its faults itself; a promise only if there is something to wait for. */
  handle(owner: Owner, frame: Frame): Promise<void> | undefined;
  /** More frames came than may queue. */
  overflow(owner: Owner): void;
}

/** While none waits; nothing is ever added to it. */
const NO_FRAMES: Frame[] = [];

/**
 * Frames one after another: a frame whose handling needs no waiting is handled at once, without a
 * promise; behind one that waits, the others queue.
 */
export class FrameSequence<Owner> {
  #queue: Frame[] = NO_FRAMES;
  #queuedBytes = 0;
  #isWaiting = false;
  #isStopped = false;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(
    readonly owner: Owner,
    readonly handling: FrameHandling<Owner>,
    public limits: PendingLimits,
  ) {}

  accept(frame: Frame): void {
    if (this.#isStopped) return;
    if (!this.#isWaiting) this.#start(frame);
    else this.#enqueue(frame);
  }

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
    this.#queue = NO_FRAMES;
    this.#tellIdle();
  }

  /** A copy, which does not keep the whole transport message that the frame came in. */
  #enqueue(frame: Frame): void {
    const bytes = this.#queuedBytes + sizeOf(frame);
    const { pendingFrames, pendingBytes } = this.limits;
    if (this.#queue.length >= pendingFrames || bytes > pendingBytes) {
      this.handling.overflow(this.owner);
      return;
    }
    if (this.#queue === NO_FRAMES) this.#queue = [];
    this.#queue.push(detachedFrame(frame));
    this.#queuedBytes = bytes;
  }

  #start(frame: Frame): void {
    const handling = this.handling.handle(this.owner, frame);
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
