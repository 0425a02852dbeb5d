import type { QueueClient } from "../broker/queue-client.ts";
import { EMPTY_DEPTH, type WorkQueues } from "../broker/work-queues.ts";
import { parseRabbitMqUrl, type RabbitMqTarget } from "../config/rabbitmq-url.ts";
import type { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
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
  readonly count = 0;
  readonly bytes = 0;
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

  depths() {
    return { living: EMPTY_DEPTH, dead: EMPTY_DEPTH };
  }

  depthOf() {
    return EMPTY_DEPTH;
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
}
