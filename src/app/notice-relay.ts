import type { NodeChannels } from "../broker/node-channels.ts";
import { decodeNotice, encodeNotice, type NodeNotice } from "./node-change.ts";

const KIND = "notices";
const CHANNEL = `${KIND}/all`;

/** Notices of the back end, between nodes: at most once, as to whoever listens. */
export class NoticeRelay {
  readonly #channels: NodeChannels;
  #invalid = 0;

  constructor(channels: NodeChannels) {
    this.#channels = channels;
  }

  /** What came from other nodes and could not be read. */
  get invalid(): number {
    return this.#invalid;
  }

  /** Before the channels are started. */
  start(deliver: (notice: NodeNotice) => void): void {
    this.#channels.receive(KIND, (_origin, _name, payload) => {
      const notice = decodeNotice(payload);
      if (notice === null) this.#invalid += 1;
      else deliver(notice);
    });
  }

  /** When the channels are started. */
  listen(): void {
    void this.#channels.subscribe(CHANNEL);
  }

  publish(notice: NodeNotice): void {
    this.#channels.publish(CHANNEL, encodeNotice(notice));
  }
}
