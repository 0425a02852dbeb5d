import type { NodeChannels } from "../broker/node-channels.ts";
import type { OtherNodes } from "../chat/other-nodes.ts";
import type { Clock, Timer } from "../clock.ts";

/** Whose last connection has gone is listened for as long: who reconnects need not wait. */
const LINGER_MS = 10_000;
/** What all nodes are told is told on so many channels, so that it is not all of one server's. */
const CHANNELS_OF_ALL = 16;
/** A node that stood still so long may have missed what others said. */
const STOOD_STILL_MS = 5_000;
const WATCH_MS = 1_000;
/** A lost connection takes a while to be known, and what was published meanwhile. */
const LOOKS_UNTIL_OUT = 30;

export interface UserChannelsOptions {
  readonly channels: NodeChannels;
  readonly clock: Clock;
  /** Those who are connected to this node. */
  readonly userIds: () => Iterable<string>;
}

/** What hears of other nodes: see `NodeNotices`. */
export interface NodeListener {
  received(userId: string | null, notice: Uint8Array): boolean;
  lost(): void;
  wentOut(): void;
  /** @param isMissing something that others were told certainly did not go out */
  retell(isMissing: boolean): void;
  recover(userIds: readonly string[]): Promise<void>;
}

/** A user's channel, to which the nodes listen where they are connected. */
class UserChannel {
  /** null: it is in effect. */
  heard: Promise<void> | null;
  /** When it is let go of; null: the user is connected. */
  endsMs: number | null = null;

  constructor(heard: Promise<void>) {
    this.heard = heard.then(() => {
      this.heard = null;
    });
  }
}

/** Other nodes, by channels between them: one for each user with a connection. */
export class UserChannels implements OtherNodes {
  readonly #options: UserChannelsOptions;
  readonly #users = new Map<string, UserChannel>();
  /** Users without a connection, who left first is first. */
  readonly #lingering = new Set<string>();
  #timer: Timer | null = null;
  #watch: Timer | null = null;
  #listener: NodeListener | null = null;
  #invalid = 0;
  #dropped = 0;
  /** How often since it was last said that all went out. */
  #looks = 0;

  constructor(options: UserChannelsOptions) {
    this.#options = options;
  }

  /** What came from other nodes and could not be read. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Before the channels are started. */
  start(listener: NodeListener): void {
    const { channels } = this.#options;
    const taken = (userId: string | null, payload: Uint8Array) => {
      if (!listener.received(userId, payload)) this.#invalid += 1;
    };
    channels.receive("user", (_, name, payload) => taken(name.slice("user/".length), payload));
    channels.receive("all", (_, __, payload) => taken(null, payload));
    for (let index = 0; index < CHANNELS_OF_ALL; index += 1) channels.listen(`all/${index}`);
    channels.onLoss(() => listener.lost());
    this.#listener = listener;
    channels.onGap(() => this.recover());
    channels.onReturn(() => this.#retell(listener));
    this.#watchFrom(listener);
  }

  /** The user's first connection has come. */
  connected(userId: string): void {
    const known = this.#users.get(userId);
    if (known !== undefined) {
      known.endsMs = null;
      this.#lingering.delete(userId);
      return;
    }
    const { channels } = this.#options;
    this.#users.set(userId, new UserChannel(channels.subscribe(channelOf(userId))));
  }

  /** The user's last connection has gone. */
  disconnected(userId: string): void {
    const { clock } = this.#options;
    const channel = this.#users.get(userId);
    if (channel === undefined) return;
    channel.endsMs = clock.monotonicMs() + LINGER_MS;
    this.#lingering.add(userId);
    this.#timer ??= clock.schedule(LINGER_MS, this.#letGo);
  }

  heard(userId: string): Promise<void> | null {
    return this.#users.get(userId)?.heard ?? null;
  }

  toUser(userId: string, notice: Uint8Array): void {
    this.#options.channels.publish(channelOf(userId), notice);
  }

  toAll(key: string, notice: Uint8Array): void {
    this.#options.channels.publish(`all/${indexOf(key)}`, notice);
  }

  /** Others may have written something that they have not told. */
  recover(): void {
    void this.#listener?.recover([...this.#options.userIds()]);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#watch?.cancel();
  }

  readonly #letGo = (): void => {
    const { clock, channels } = this.#options;
    this.#timer = null;
    const nowMs = clock.monotonicMs();
    for (const userId of this.#lingering) {
      const endsMs = this.#users.get(userId)?.endsMs ?? 0;
      if (endsMs > nowMs) {
        this.#timer = clock.schedule(endsMs - nowMs, this.#letGo);
        return;
      }
      this.#lingering.delete(userId);
      this.#users.delete(userId);
      channels.unsubscribe(channelOf(userId));
    }
  };

  /** Others are told again what did not go out, once it does. */
  #retell(listener: NodeListener): void {
    const { channels } = this.#options;
    if (!channels.isConnected) return;
    if (channels.dropped !== this.#dropped) {
      this.#dropped = channels.dropped;
      this.#looks = 0;
      listener.retell(true);
    } else if (this.#looks < LOOKS_UNTIL_OUT) {
      this.#looks += 1;
    } else {
      this.#looks = 0;
      // Also of what is thought to have gone out: whoever has it all does nothing.
      listener.retell(false);
      listener.wentOut();
    }
  }

  /** Who is stopped and goes on hears late what others said: by then it may be thought to be old. */
  #watchFrom(listener: NodeListener): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + WATCH_MS;
    this.#watch = clock.schedule(WATCH_MS, () => {
      if (clock.monotonicMs() - dueMs > STOOD_STILL_MS) this.recover();
      this.#retell(listener);
      this.#watchFrom(listener);
    });
  }
}

function channelOf(userId: string): string {
  return `user/${userId}`;
}

function indexOf(key: string): number {
  let hash = 0;
  for (let at = 0; at < key.length; at += 1)
    hash = (Math.imul(hash, 31) + key.charCodeAt(at)) >>> 0;
  return hash % CHANNELS_OF_ALL;
}
