import type { RedisTarget } from "../config/redis-url.ts";
import type { ReconnectOptions } from "./kept-connection.ts";

export interface RedisCarrierOptions extends ReconnectOptions {
  readonly target: RedisTarget;
  /** What Redis lists the connections as. */
  readonly name: string;
  /** Of all channels' names. */
  readonly prefix: string;
  readonly events: RedisCarrierEvents;
}

export interface RedisCarrierEvents {
  /** @param channel without the prefix */
  received(channel: string, bytes: Buffer): void;
  /** See `BackplaneListener.subscribed`. */
  subscribed(channel: string): void;
  /** Something came that nobody of this version sent. */
  invalid(): void;
  /** @param isAgain the connection had been there before */
  ready(isAgain: boolean): void;
  lost(reason: string): void;
  /** What was published meanwhile may be missing. */
  gap(): void;
}

/** How bytes go through a kind of Redis: see `Backplane` for what is promised. */
export interface RedisCarrier {
  /** Everything arrives and goes out. */
  readonly isReady: boolean;
  open(): void;
  /**
   * False if it is not even tried. Else `settled` is called once, when nothing of it waits any more.
   * The commands of a turn leave together, at its end.
   */
  publish(channel: string, bytes: Buffer, settled: (isOut: boolean) => void): boolean;
  add(channel: string): void;
  remove(channel: string): void;
  addPrefix(prefix: string): void;
  removePrefix(prefix: string): void;
  close(): Promise<void>;
}
