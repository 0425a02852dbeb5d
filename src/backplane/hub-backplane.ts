import type { Backplane, BackplaneCounts, BackplaneListener } from "../broker/backplane.ts";
import type { Clock, Timer } from "../clock.ts";
import {
  decodeMessage,
  encodeFrame,
  encodeMessage,
  KIND,
  kindOf,
  nameOf,
  numberOf,
} from "./hub-frame.ts";
import { HubLink } from "./hub-link.ts";
import { NodeReports } from "./node-reports.ts";

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;

export interface HubBackplaneOptions {
  /** Of at most 255 bytes. */
  readonly nodeId: string;
  /** Of the hub's socket. */
  readonly path: string;
  readonly pendingBytes: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Processes of one machine that speak by a hub over a Unix domain socket. */
export class HubBackplane implements Backplane {
  readonly isShared = true;
  readonly nodeId: string;
  readonly #reports = new NodeReports();
  readonly #options: HubBackplaneOptions;
  readonly #id: Uint8Array;
  /** With the number of the last call that subscribed. */
  readonly #channels = new Map<string, number>();
  readonly #prefixes = new Set<string>();
  #number = 0;
  #link: HubLink | null = null;
  #isConnected = false;
  #hasBeenConnected = false;
  #isClosed = false;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: Timer | null = null;

  constructor(options: HubBackplaneOptions) {
    this.#options = options;
    this.nodeId = options.nodeId;
    this.#id = Buffer.from(options.nodeId);
  }

  get counts(): BackplaneCounts {
    return this.#reports.counts;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  start(listener: BackplaneListener): void {
    this.#reports.begin(listener);
    this.#connect();
  }

  publish(channel: string, payload: Uint8Array): void {
    const link = this.#isConnected ? this.#link : null;
    const bytes = payload.length + channel.length;
    if (link === null || link.pendingBytes + bytes > this.#options.pendingBytes) {
      this.#reports.counts.dropped += 1;
    } else link.send(encodeMessage(this.#id, channel, payload));
  }

  subscribe(channel: string): void {
    this.#number = (this.#number + 1) >>> 0;
    this.#channels.set(channel, this.#number);
    this.#link?.send(encodeFrame(KIND.subscribe, this.#number, channel));
  }

  unsubscribe(channel: string): void {
    if (!this.#channels.delete(channel)) return;
    this.#link?.send(encodeFrame(KIND.unsubscribe, 0, channel));
  }

  subscribePrefix(prefix: string): void {
    if (this.#prefixes.has(prefix)) return;
    this.#prefixes.add(prefix);
    this.#link?.send(encodeFrame(KIND.subscribePrefix, 0, prefix));
  }

  unsubscribePrefix(prefix: string): void {
    if (!this.#prefixes.delete(prefix)) return;
    this.#link?.send(encodeFrame(KIND.unsubscribePrefix, 0, prefix));
  }

  async close(): Promise<void> {
    this.#reports.end();
    this.#isClosed = true;
    this.#isConnected = false;
    this.#timer?.cancel();
    await this.#link?.end();
  }

  #connect(): void {
    let reason = "the hub does not answer";
    Bun.connect<HubLink>({
      unix: this.#options.path,
      socket: {
        ...HubLink.handlers,
        open: (socket) => {
          const link = new HubLink(socket, {
            received: (frame) => this.#received(link, frame),
            sent: (messages) => {
              this.#reports.counts.out += messages;
            },
            closed: (why) => this.#lost(link, why),
          });
          socket.data = link;
          this.#join(link);
        },
        connectError: (_, fault) => {
          reason = fault.message;
        },
      },
    }).catch(() => this.#retry(reason));
  }

  /** All that is subscribed to is in effect when the answer to the last frame comes. */
  #join(link: HubLink): void {
    if (this.#isClosed) {
      link.terminate("closed");
      return;
    }
    this.#link = link;
    for (const [channel, number] of this.#channels) {
      link.send(encodeFrame(KIND.subscribe, number, channel));
    }
    for (const prefix of this.#prefixes) link.send(encodeFrame(KIND.subscribePrefix, 0, prefix));
    link.send(encodeFrame(KIND.sync, 0, ""));
  }

  #received(link: HubLink, frame: Buffer): void {
    if (!this.#reports.isHeard || link !== this.#link) return;
    switch (kindOf(frame)) {
      case KIND.message: {
        const { origin, channel, payload } = decodeMessage(frame);
        this.#reports.received(origin, channel, payload);
        break;
      }
      case KIND.subscribe: {
        // An earlier call's answer says nothing of what was subscribed to anew since.
        const channel = nameOf(frame);
        if (this.#channels.get(channel) === numberOf(frame)) this.#reports.subscribed(channel);
        break;
      }
      case KIND.sync:
        this.#joined();
        break;
      default:
        this.#reports.counts.invalid += 1;
    }
  }

  #joined(): void {
    const isAgain = this.#hasBeenConnected;
    this.#isConnected = true;
    this.#hasBeenConnected = true;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#reports.ready(isAgain, true);
    if (isAgain) this.#reports.gap();
  }

  #lost(link: HubLink, reason: string): void {
    if (link !== this.#link) return;
    this.#reports.counts.dropped += link.pendingMessages;
    this.#link = null;
    this.#isConnected = false;
    this.#retry(reason);
  }

  #retry(reason: string): void {
    if (this.#isClosed) return;
    const { clock, random } = this.#options;
    const pauseMs = this.#pauseMs * (0.5 + 0.5 * random());
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#timer = clock.schedule(pauseMs, () => this.#connect());
    this.#reports.lost(reason);
  }
}
