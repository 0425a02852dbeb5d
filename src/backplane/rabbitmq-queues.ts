import type { QueueClient } from "../broker/queue-client.ts";
import { type QueueDepth, UNKNOWN_DEPTH, type WorkQueues } from "../broker/work-queues.ts";
import { parseRabbitMqUrl, type RabbitMqTarget } from "../config/rabbitmq-url.ts";
import type { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { RabbitMqConsumer } from "./rabbitmq-consumer.ts";
import { type Budget, RabbitMqQueueClient } from "./rabbitmq-queue-client.ts";
import { type ServerOptions, targetOf } from "./server-options.ts";

/** For the URL see `parseRabbitMqUrl`; `pendingBytes` is of all clients together. */
export interface RabbitMqQueuesOptions extends ServerOptions {
  readonly heartbeatMs: number;
  readonly log: Log;
}

/** Work queues that RabbitMQ keeps, with its semantics: the same for the clients of all nodes. */
export class RabbitMqQueues implements WorkQueues {
  readonly journal = null;
  /** What RabbitMQ holds is measured there. */
  readonly count = null;
  readonly #options: Omit<RabbitMqQueuesOptions, "url" | "pendingBytes">;
  readonly #target: RabbitMqTarget;
  readonly #budget: Budget;
  readonly #clients = new Set<RabbitMqQueueClient>();
  #onEmpty: (() => void) | null = null;

  /** Throws INVALID_CONFIGURATION for what is no URL of a RabbitMQ. */
  constructor({ url, pendingBytes, ...options }: RabbitMqQueuesOptions) {
    this.#target = targetOf(url, "rabbitmq.url", parseRabbitMqUrl);
    this.#options = options;
    this.#budget = { limitBytes: pendingBytes, bytes: 0 };
  }

  open(failed: (error: AppError) => void): QueueClient {
    const client: RabbitMqQueueClient = new RabbitMqQueueClient({
      ...{ ...this.#options, target: this.#target, budget: this.#budget, failed },
      finished: () => {
        this.#clients.delete(client);
        if (this.#clients.size === 0) this.#onEmpty?.();
      },
    });
    this.#clients.add(client);
    return client;
  }

  /** Of messages on their way to RabbitMQ, and of those that consumers here have. */
  get bytes(): number {
    return this.#consumers().reduce((sum, { bytes }) => sum + bytes, this.#budget.bytes);
  }

  depths(): { readonly living: QueueDepth; readonly dead: QueueDepth } {
    return { living: depthOf(this.#consumers()), dead: UNKNOWN_DEPTH };
  }

  depthOf(name: string): QueueDepth {
    return depthOf(this.#consumers().filter(({ queue }) => queue === name));
  }

  stop(): void {
    for (const client of this.#clients) client.stop();
  }

  async finish(): Promise<void> {
    if (this.#clients.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      for (const client of this.#clients) client.close();
    });
  }

  #consumers(): RabbitMqConsumer[] {
    return [...this.#clients].flatMap(({ consumers }) => [...consumers]);
  }
}

/** As far as this node knows. */
function depthOf(consumers: readonly RabbitMqConsumer[]): QueueDepth {
  const unacknowledged = consumers.reduce((sum, each) => sum + each.unacknowledged, 0);
  return { ...UNKNOWN_DEPTH, unacknowledged, consumers: consumers.length };
}
