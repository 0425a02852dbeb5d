import { NatsBackplane } from "../../src/backplane/nats.ts";
import { NatsLink } from "../../src/backplane/nats-link.ts";
import { RabbitMqBackplane } from "../../src/backplane/rabbitmq.ts";
import { RedisBackplane } from "../../src/backplane/redis.ts";
import { StompLink } from "../../src/backplane/stomp-link.ts";
import { systemClock } from "../../src/clock.ts";
import { parseNatsUrl } from "../../src/config/nats-url.ts";
import { parseRabbitMqUrl } from "../../src/config/rabbitmq-url.ts";
import { describeBackplaneFaults } from "../contract/backplane-faults.ts";
import { NatsServer } from "../support/nats-server.ts";
import { RabbitMqServer } from "../support/rabbitmq-server.ts";
import { RedisServer } from "../support/redis-server.ts";

function parsed<Target>(url: string, parse: (url: string) => Target | null): Target {
  const target = parse(url);
  if (target === null) throw new TypeError("no URL");
  return target;
}

describeBackplaneFaults("Redis", {
  engine: (password) =>
    RedisServer.start("--user", "node", "on", `>${password}`, "allchannels", "+@all"),
  node: ({ port, password, ...options }) => {
    const url = `redis://node:${password}@127.0.0.1:${port}`;
    return new RedisBackplane({ ...options, url, prefix: "test:" });
  },
  connections: 2,
  garbage: async (redis, channel) => {
    const texts = ["", "hello", "\u0001", "{}"];
    for (const text of texts) await redis.command("PUBLISH", `test:${channel}`, text);
    return texts.length;
  },
  refusal: /WRONGPASS/,
  silence: "no answer in time",
});

function natsUrl(port: number, password: string): string {
  return `nats://node:${password}@127.0.0.1:${port}`;
}

describeBackplaneFaults("NATS", {
  engine: (password) => NatsServer.start("--user", "node", "--pass", password),
  node: ({ port, password, ...options }) =>
    new NatsBackplane({ ...options, url: natsUrl(port, password), prefix: "test." }),
  connections: 1,
  garbage: async (nats, channel, password) => {
    const target = parsed(natsUrl(nats.port, password), parseNatsUrl);
    const link = new NatsLink({ target, name: "stranger", timeoutMs: 5_000, received() {} });
    await link.connect();
    const texts = ["", "hello", "\u0001", "{}"];
    for (const text of texts) link.publish(`test.${channel}`, Buffer.from(text));
    await link.settled();
    link.destroy();
    return texts.length;
  },
  refusal: /authorization/i,
  silence: "no answer in time",
});

function stompUrl(port: number, password: string): string {
  return `stomp://node:${password}@127.0.0.1:${port}`;
}

describeBackplaneFaults("RabbitMQ", {
  engine: async (password) => {
    const rabbitmq = await RabbitMqServer.start();
    await rabbitmq.control("add_user", "node", password);
    await rabbitmq.control("set_permissions", "node", "^parley", "^(parley|amq.topic)", ".*");
    return rabbitmq;
  },
  node: ({ port, password, ...options }) =>
    new RabbitMqBackplane({ ...options, url: stompUrl(port, password), heartbeatMs: 1_000 }),
  connections: 2,
  garbage: async (rabbitmq, channel, password) => {
    const link = new StompLink({
      target: parsed(stompUrl(rabbitmq.port, password), parseRabbitMqUrl),
      ...{ heartbeatMs: 0, clock: systemClock, received() {}, sent() {} },
    });
    await link.connect();
    const marks = ["", "other 1 run a", "payload x run a", "text 1 run a", "payload 1 run"];
    for (const mark of marks) {
      await link.receipted("SEND", ["destination", channel, "parley-node", mark], "1");
    }
    link.destroy();
    return marks.length;
  },
  refusal: /ccess/,
  silence: "no heart-beat in time",
});
