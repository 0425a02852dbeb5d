import type { NodeChannels } from "../broker/node-channels.ts";
import type { PresenceChange, PresentUser } from "../chat/presence-elsewhere.ts";
import type { Clock, Timer } from "../clock.ts";
import { encodeNodeMessage, sizeOf } from "./node-messages.ts";
import { EVERY_NODE } from "./roster.ts";

/** Changes so soon after others go with them. */
export const GATHER_MS = 50;
/** Of changes in one message, about. */
const MESSAGE_BYTES = 32 * 1024;
/** Between portions of all users: whoever is served waits for what is in between. */
const PORTION_PAUSE_MS = 5;

/** This node's users. */
export interface PresenceSource {
  /** null: they are not here. */
  here(userId: string): PresentUser | null;
  /** Who comes while it is read is among them. */
  allHere(): IterableIterator<PresentUser>;
}

export interface PresenceSenderOptions {
  readonly channels: NodeChannels;
  readonly clock: Clock;
  readonly run: string;
  readonly presence: PresenceSource;
}

/** What is on its way to a node that asked for all users. */
interface Serving {
  readonly request: number;
  readonly users: Iterator<PresentUser>;
  index: number;
  timer: Timer | null;
}

/** What each node is told of this one's users: changes to all, and all of them to who asks. */
export class PresenceSender {
  readonly #options: PresenceSenderOptions;
  /** Users who are to be told of, and since when they are not here if they are not. */
  readonly #changed = new Map<string, number>();
  readonly #serving = new Map<string, Serving>();
  #timer: Timer | null = null;
  #spoken = 0;

  constructor(options: PresenceSenderOptions) {
    this.#options = options;
  }

  /** The number of the last `Changes`. */
  get spoken(): number {
    return this.#spoken;
  }

  changed(userId: string, leftMs: number): void {
    this.#changed.set(userId, leftMs);
    this.#timer ??= this.#options.clock.schedule(GATHER_MS, () => this.#tellChanges());
  }

  /** To the node that asks, in portions; instead of what it asked for before. */
  serve(run: string, request: number): void {
    this.#serving.get(run)?.timer?.cancel();
    const users = this.#options.presence.allHere();
    const serving = { request, users, index: 0, timer: null };
    this.#serving.set(run, serving);
    this.#servePortion(run, serving);
  }

  stop(): void {
    this.#timer?.cancel();
    for (const { timer } of this.#serving.values()) timer?.cancel();
  }

  #tellChanges(): void {
    this.#timer = null;
    const { presence } = this.#options;
    const changes = this.#changed.entries().map(([userId, leftMs]): PresenceChange => {
      return presence.here(userId) ?? { userId, leftMs };
    });
    for (let isAll = false; !isAll; ) {
      const { portion, isLast } = takePortion(changes);
      if (portion.length > 0) this.#publishChanges(portion);
      isAll = isLast;
    }
    this.#changed.clear();
  }

  /** Whoever does not get them notices by their number, and asks. */
  #publishChanges(changes: readonly PresenceChange[]): void {
    const { channels, run } = this.#options;
    this.#spoken += 1;
    if (!channels.isConnected) return;
    const message = { kind: "changes", run, number: this.#spoken, changes } as const;
    channels.publish(EVERY_NODE, encodeNodeMessage(message));
  }

  #servePortion(toRun: string, serving: Serving): void {
    const { channels, run, clock } = this.#options;
    const { request, index } = serving;
    const { portion: changes, isLast } = takePortion(serving.users);
    const message = {
      ...({ kind: "portion", run, request, index, isLast } as const),
      ...{ spoken: this.#spoken, changes },
    };
    channels.publish(ownChannel(toRun), encodeNodeMessage(message));
    if (isLast || !channels.isConnected) {
      this.#serving.delete(toRun);
      return;
    }
    serving.index += 1;
    const goOn = () => this.#servePortion(toRun, serving);
    serving.timer = clock.schedule(PORTION_PAUSE_MS, goOn);
  }
}

/** What one node alone hears. */
export function ownChannel(run: string): string {
  return `nodes/${run}`;
}

/** As many as one message is to have. */
function takePortion<Item extends PresenceChange>(
  items: Iterator<Item>,
): { portion: Item[]; isLast: boolean } {
  const portion: Item[] = [];
  for (let bytes = 0; bytes < MESSAGE_BYTES; ) {
    const next = items.next();
    if (next.done === true) return { portion, isLast: true };
    portion.push(next.value);
    bytes += sizeOf(next.value);
  }
  return { portion, isLast: false };
}
