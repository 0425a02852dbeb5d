/** The backplane that the settings name: the only place that knows its adapters. */
import { LocalBackplane } from "./backplane/local.ts";
import type { Backplane } from "./broker/backplane.ts";
import type { WorkQueues } from "./broker/queue-client.ts";
import type { Clock } from "./clock.ts";
import type { Settings } from "./config.ts";
import { newUuid } from "./ids.ts";
import type { Log } from "./log.ts";

/** Not yet started. What speaks to Redis, RabbitMQ or NATS is loaded only where it is wanted. */
export async function openBackplane(settings: Settings, clock: Clock): Promise<Backplane> {
  const nodeId = settings.node.id ?? newUuid().slice(-12);
  if (settings.backplane === "local") return new LocalBackplane(nodeId);
  if (settings.backplane === "rabbitmq") {
    const { RabbitMqBackplane } = await import("./backplane/rabbitmq.ts");
    const { url = "", queues: _, ...rabbitmq } = settings.rabbitmq;
    return new RabbitMqBackplane({ ...rabbitmq, nodeId, url, clock, random: Math.random });
  }
  if (settings.backplane === "nats") {
    const { NatsBackplane } = await import("./backplane/nats.ts");
    const { url = "", ...nats } = settings.nats;
    return new NatsBackplane({ ...nats, nodeId, url, clock, random: Math.random });
  }
  const { RedisBackplane } = await import("./backplane/redis.ts");
  const { url = "", ...redis } = settings.redis;
  return new RedisBackplane({ ...redis, nodeId, url, clock, random: Math.random });
}

/** Work queues that a broker beside this node keeps; null: this node does. */
export async function openBrokerQueues(
  settings: Settings,
  clock: Clock,
  log: Log,
): Promise<WorkQueues | null> {
  if (settings.backplane !== "rabbitmq" || !settings.rabbitmq.queues) return null;
  const { RabbitMqQueues } = await import("./backplane/rabbitmq-queues.ts");
  const { url = "", queues: _, ...rabbitmq } = settings.rabbitmq;
  return new RabbitMqQueues({ ...rabbitmq, url, clock, random: Math.random, log });
}
