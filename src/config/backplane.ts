import { z } from "zod";
import { NATS_URL_FORMS, parseNatsUrl } from "./nats-url.ts";
import { parseRabbitMqUrl, RABBITMQ_URL_FORMS } from "./rabbitmq-url.ts";
import { parseRedisUrl, REDIS_URL_FORMS } from "./redis-url.ts";
import { boolean, choice, delayMs, integer, optionalText, text } from "./setting.ts";

const MIB = 1024 * 1024;

/** What carries messages between nodes. */
export const backplane = choice(
  ["local", "redis", "rabbitmq", "nats"],
  "local",
  "What carries messages, presence and changes between nodes; local is nothing, for a node that is alone.",
);

export const node = z.object({
  id: optionalText(
    "What this node calls itself to other nodes, in logs and in Redis' list of clients; each its own.",
    {
      accepts: (id) => /^[A-Za-z0-9._-]{1,64}$/.test(id),
      expected: "at most 64 letters, digits, `.`, `_` and `-`",
      defaultText: "a new random one at each start",
    },
  ),
});

export const redis = z.object({
  url: optionalText("The Redis that carries messages between nodes.", {
    accepts: (url) => parseRedisUrl(url) !== null,
    expected: REDIS_URL_FORMS,
    secret: true,
  }),
  prefix: text(
    "parley:",
    "What the names of all channels in Redis begin with: several installations may share one.",
    {
      accepts: (prefix) => /^[A-Za-z0-9._:/-]{1,64}$/.test(prefix),
      expected: "at most 64 letters, digits, `.`, `_`, `:`, `/` and `-`",
    },
  ),
  timeoutMs: delayMs(
    5_000,
    100,
    "How long Redis may take to answer; after that the connection is lost, and made again.",
  ),
  reconnectMs: delayMs(
    5_000,
    10,
    "The longest pause between two attempts to connect to Redis; the first ones come sooner.",
  ),
  pendingBytes: integer(
    16 * MIB,
    { min: 1_024, max: 1_024 * MIB },
    "What may wait to be taken by Redis; further messages to other nodes are dropped, and counted.",
  ),
});

export const rabbitmq = z.object({
  url: optionalText("The RabbitMQ that carries topics and work queues, at its STOMP port.", {
    accepts: (url) => parseRabbitMqUrl(url) !== null,
    expected: RABBITMQ_URL_FORMS,
    secret: true,
  }),
  queues: boolean(
    true,
    "With backplane rabbitmq: /queue/** are RabbitMQ's queues, for the clients of all nodes.",
  ),
  heartbeatMs: delayMs(
    10_000,
    1_000,
    "Heart-beats with RabbitMQ, both ways; one that is silent for twice as long is lost.",
  ),
  timeoutMs: delayMs(
    5_000,
    100,
    "How long connecting to RabbitMQ may take, and how often its heart-beats are looked at.",
  ),
  reconnectMs: delayMs(
    5_000,
    10,
    "The longest pause between two attempts to connect to RabbitMQ; the first ones come sooner.",
  ),
  pendingBytes: integer(
    16 * MIB,
    { min: 1_024, max: 1_024 * MIB },
    "What may wait to be taken by RabbitMQ; further messages to other nodes are dropped, and counted.",
  ),
});

export const nats = z.object({
  url: optionalText("The NATS that carries messages between nodes.", {
    accepts: (url) => parseNatsUrl(url) !== null,
    expected: NATS_URL_FORMS,
    secret: true,
  }),
  prefix: text(
    "parley.",
    "What all subjects in NATS begin with: several installations may share one.",
    {
      accepts: (prefix) => /^(?:[A-Za-z0-9_-]{1,32}\.){1,4}$/.test(prefix),
      expected: "words of letters, digits, `_` and `-`, each with a dot behind it",
    },
  ),
  timeoutMs: delayMs(
    5_000,
    100,
    "How long NATS may take to answer; after that the connection is lost, and made again.",
  ),
  reconnectMs: delayMs(
    5_000,
    10,
    "The longest pause between two attempts to connect to NATS; the first ones come sooner.",
  ),
  pendingBytes: integer(
    16 * MIB,
    { min: 1_024, max: 1_024 * MIB },
    "What may wait to be taken by NATS; further messages to other nodes are dropped, and counted.",
  ),
});
