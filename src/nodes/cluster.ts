import type { NodeChannels } from "../broker/node-channels.ts";
import type { Presence } from "../chat/presence.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { Agreement } from "./agreement.ts";
import type { NodeInfo, SelfDescription } from "./node-info.ts";
import { decodeNodeMessage } from "./node-messages.ts";
import { PresenceReceiver } from "./presence-receiver.ts";
import { ownChannel, PresenceSender } from "./presence-sender.ts";
import { Roster } from "./roster.ts";

export interface ClusterOptions {
  /** Not yet started. */
  readonly channels: NodeChannels;
  readonly clock: Clock;
  /** A name that no node has, or had, or will have. */
  readonly run: string;
  readonly self: SelfDescription;
  readonly presence: Pick<Presence, "share" | "here" | "allHere">;
  /** So long others' users are held to be there while this node does not reach them. */
  readonly ttlMs: number;
  /** A node has died: what it has written last it may have told nobody. */
  readonly onDeath: () => void;
  readonly log: Log;
}

/** The other nodes of the installation, and whom this one and they have: each tells all others. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #roster: Roster;
  readonly #sender: PresenceSender;
  readonly #receiver: PresenceReceiver;
  readonly #agreement: Agreement;
  #invalid = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { channels, clock, run, self, presence, ttlMs, onDeath, log } = options;
    this.#sender = new PresenceSender({ channels, clock, run, presence });
    const elsewhere = presence.share((userId, leftMs) => this.#sender.changed(userId, leftMs));
    this.#receiver = new PresenceReceiver({ channels, clock, run, elsewhere });
    this.#agreement = new Agreement(channels.nodeId, self, log);
    this.#roster = new Roster({
      ...{ channels, clock, run, self, ttlMs },
      spoken: () => this.#sender.spoken,
      listener: {
        came: (peer) => this.#agreement.came(peer),
        beat: (isLed) => this.#agreement.beat(isLed),
        heard: (peer) => {
          this.#agreement.heard(peer);
          this.#receiver.heard(peer);
        },
        gone: (peer, isInOrder) => {
          const { id: node, beat } = peer;
          if (isInOrder) log.info({ node }, "Another node has ended");
          else
            log.warn({ node, users: beat.users }, "Another node is not heard, and held to be dead");
          this.#agreement.gone(peer);
          this.#receiver.gone(peer);
          if (!isInOrder) onDeath();
        },
      },
    });
    channels.receive("nodes", (origin, _channel, payload) => this.#received(origin, payload));
  }

  /** What came and is of no node of this version. */
  get invalid(): number {
    return this.#invalid;
  }

  /** How many live, beside this one. */
  get count(): number {
    return this.#roster.size;
  }

  /** Of those, how many are of another version, or have other values of what all must have alike. */
  get unlike(): number {
    const { version } = this.#options.self;
    return this.list().filter((node) => node.version !== version || node.differs.length > 0).length;
  }

  /** All that live, this one first. */
  list(): NodeInfo[] {
    return this.#roster.list();
  }

  start(): void {
    const { channels, run } = this.#options;
    void channels.subscribe(ownChannel(run));
    this.#roster.start();
  }

  /** Says goodbye, and nothing after it. */
  stop(): void {
    this.#sender.stop();
    this.#roster.stop();
  }

  #received(origin: string, payload: Uint8Array): void {
    const message = decodeNodeMessage(payload);
    if (message === null) {
      this.#invalid += 1;
      this.#agreement.unintelligible(origin);
      return;
    }
    if (message.kind === "beat") {
      this.#roster.heard(origin, message);
      return;
    }
    if (message.kind === "request") {
      // It may know this node before this one knows it.
      this.#sender.serve(message.run, message.request);
      return;
    }
    const peer = this.#roster.find(message.run);
    if (peer === null) return;
    if (message.kind === "goodbye") this.#roster.goodbye(message.run);
    else if (message.kind === "changes") this.#receiver.changes(peer, message);
    else this.#receiver.portion(peer, message);
  }
}
