import { type Actor, SYSTEM } from "../chat/actor.ts";
import { AppError } from "../errors.ts";

/** Of an upload, from its beginning until it is kept, or refused. */
export interface UploadPlace {
  readonly userId: string;
  /** What it may take. */
  readonly bytes: number;
  /** Ends it. */
  readonly abort: AbortController;
  /** It still comes in. */
  isComing: boolean;
  /** Its bytes are among those that the disk has promised. */
  hasRoom: boolean;
  /** Resolves when it has left. */
  readonly left: PromiseWithResolvers<void>;
}

const RETRY_MS = 1_000;
/** Of a user, at a time. */
const SHARE_OF_USER = 1 / 8;

/** Which uploads are under way, of whom, and what they may take. */
export class UploadPlaces {
  /** At a time, of all users. */
  readonly #most: number;
  readonly #byUser = new Map<string, Set<UploadPlace>>();
  #coming = 0;
  #promisedBytes = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Throws SERVER_FULL, RATE_LIMITED. */
  enter({ userId }: Actor, bytes: number): UploadPlace {
    const ofUser = this.of(userId);
    const details = { retryAfterMs: RETRY_MS };
    if (this.#coming >= this.#most) {
      throw new AppError("SERVER_FULL", "Too many files come in", { details });
    }
    const coming = ofUser.filter(({ isComing }) => isComing).length;
    if (userId !== SYSTEM.userId && coming >= Math.ceil(SHARE_OF_USER * this.#most)) {
      throw new AppError("RATE_LIMITED", "Too many files of this user come in", { details });
    }
    const abort = new AbortController();
    const left = Promise.withResolvers<void>();
    const place = { userId, bytes, abort, left, isComing: true, hasRoom: false };
    this.#coming += 1;
    this.#byUser.set(userId, new Set([...ofUser, place]));
    return place;
  }

  /** Whether it fits into so many bytes with all that were let in before; then it is, too. */
  letIn(place: UploadPlace, freeBytes: number): boolean {
    if (this.#promisedBytes + place.bytes > freeBytes) return false;
    place.hasRoom = true;
    this.#promisedBytes += place.bytes;
    return true;
  }

  /** All of it is there: another may come in. */
  arrived(place: UploadPlace): void {
    if (place.isComing) this.#coming -= 1;
    place.isComing = false;
  }

  leave(place: UploadPlace): void {
    this.arrived(place);
    if (place.hasRoom) this.#promisedBytes -= place.bytes;
    const ofUser = this.#byUser.get(place.userId);
    ofUser?.delete(place);
    if (ofUser?.size === 0) this.#byUser.delete(place.userId);
    place.left.resolve();
  }

  of(userId: string): UploadPlace[] {
    return [...(this.#byUser.get(userId) ?? [])];
  }
}
