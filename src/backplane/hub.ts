import { rmSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import { channelOf, encodeFrame, KIND, kindOf, nameOf, numberOf } from "./hub-frame.ts";
import { HubLink } from "./hub-link.ts";
import { Prefixes } from "./prefixes.ts";

export interface HubOptions {
  /** Of the Unix domain socket, in a folder that nobody else may enter. */
  readonly path: string;
  /** What may wait to be taken by one process; one that is slower is cut off, and joins anew. */
  readonly pendingBytes: number;
  /** A process was cut off. */
  readonly onSlow: () => void;
}

/** A process that has joined, and what it listens to. */
interface Member {
  readonly link: HubLink;
  readonly channels: Set<string>;
  readonly prefixes: Prefixes;
}

/**
 * Where the processes of one machine meet: it hands what one publishes to those others that listen.
 * It reads no payload and keeps nothing. A process that does not take what comes is cut off rather than
 * left without a message here and there: it joins anew, and knows that it has missed something.
 */
export class Hub {
  readonly #options: HubOptions;
  readonly #listener: UnixSocketListener<HubLink>;
  readonly #members = new Set<Member>();

  /** Listens at once. Throws what the engine throws when it cannot. */
  constructor(options: HubOptions) {
    this.#options = options;
    this.#listener = Bun.listen<HubLink>({
      unix: options.path,
      socket: { ...HubLink.handlers, open: (socket) => this.#open(socket) },
    });
  }

  /** Those that have joined. */
  get size(): number {
    return this.#members.size;
  }

  /** Idempotent. */
  close(): void {
    this.#listener.stop(true);
    for (const { link } of this.#members) link.terminate("the hub is closed");
    rmSync(this.#options.path, { force: true });
  }

  #open(socket: Socket<HubLink>): void {
    const link = new HubLink(socket, {
      received: (frame) => this.#received(member, frame),
      sent() {},
      closed: () => this.#members.delete(member),
    });
    const member: Member = { link, channels: new Set(), prefixes: new Prefixes() };
    socket.data = link;
    this.#members.add(member);
  }

  #received(member: Member, frame: Buffer): void {
    const { link, channels, prefixes } = member;
    switch (kindOf(frame)) {
      case KIND.message:
        this.#pass(member, frame);
        break;
      case KIND.subscribe:
        channels.add(nameOf(frame));
        this.#send(link, frame);
        break;
      case KIND.unsubscribe:
        channels.delete(nameOf(frame));
        break;
      case KIND.subscribePrefix:
        prefixes.add(nameOf(frame));
        break;
      case KIND.unsubscribePrefix:
        prefixes.delete(nameOf(frame));
        break;
      case KIND.sync:
        this.#send(link, encodeFrame(KIND.sync, numberOf(frame), ""));
        break;
      default:
        link.terminate("it speaks another language");
    }
  }

  #pass(from: Member, frame: Buffer): void {
    const channel = channelOf(frame);
    for (const member of this.#members) {
      if (member === from) continue;
      if (member.channels.has(channel) || member.prefixes.cover(channel)) {
        this.#send(member.link, frame);
      }
    }
  }

  #send(link: HubLink, frame: Buffer): void {
    if (link.pendingBytes > this.#options.pendingBytes) {
      link.terminate("it does not take what comes");
      this.#options.onSlow();
    } else link.send(frame);
  }
}
