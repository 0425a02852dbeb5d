import type { NodeChannels } from "./node-channels.ts";

/** Of channels on which nodes tell that there is something in a queue. */
const KIND = "queue";

const EMPTY = new Uint8Array(0);

/**
 * By which nodes tell each other that a queue which they share has messages for whoever has room. What
 * is not told costs time alone: nodes look by themselves too.
 */
export class QueueWakes {
  readonly #channels: NodeChannels;

  constructor(channels: NodeChannels) {
    this.#channels = channels;
  }

  /** The others can tell, and be told. */
  get isConnected(): boolean {
    return this.#channels.isConnected;
  }

  /**
   * Before the channels are started.
   *
   * @param told another node told of the queue
   * @param mayMiss what others told may be missing
   */
  receive(told: (queue: string) => void, mayMiss: () => void): void {
    this.#channels.receive(KIND, (_origin, channel) => told(`/${channel}`));
    this.#channels.onGap(mayMiss);
  }

  /** Tells the nodes that listen. @param queue `/queue/…` */
  tell(queue: string): void {
    this.#channels.publish(channelOf(queue), EMPTY);
  }

  /** Resolves when this node hears of the queue. */
  listen(queue: string): Promise<void> {
    return this.#channels.subscribe(channelOf(queue));
  }

  ignore(queue: string): void {
    this.#channels.unsubscribe(channelOf(queue));
  }
}

/** `queue/…`: of the kind, and told apart by the rest. */
function channelOf(queue: string): string {
  return queue.slice(1);
}
