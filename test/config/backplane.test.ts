import { describe, expect, test } from "bun:test";
import { parseNatsUrl } from "../../src/config/nats-url.ts";
import { parseRabbitMqUrl } from "../../src/config/rabbitmq-url.ts";
import { parseRedisUrl } from "../../src/config/redis-url.ts";
import {
  backplaneAddress,
  checkStartAllowed,
  loadSettings,
  startWarnings,
} from "../../src/config.ts";

function load(...argv: string[]) {
  return loadSettings({ argv, env: {}, cwd: "/srv", readFile: () => undefined }).settings;
}

test("a node is alone unless it is told otherwise", () => {
  expect(load()).toMatchObject({ backplane: "local", redis: { prefix: "parley:" } });
});

test("redis needs a URL, and a URL alone is a warning", () => {
  expect(() => checkStartAllowed(load("--backplane=redis"))).toThrow("redis.url is not set");
  const url = "--redis-url=redis://localhost";
  expect(() => checkStartAllowed(load("--backplane=redis", url))).not.toThrow();
  expect(startWarnings(load(url))).toEqual([expect.stringContaining("backplane is local")]);
});

test.each([
  ["rabbitmq", "stomp://localhost"],
  ["nats", "nats://localhost"],
])("%s needs a URL, and a URL alone is a warning", (name, target) => {
  expect(() => checkStartAllowed(load(`--backplane=${name}`))).toThrow(`${name}.url is not set`);
  const url = `--${name}-url=${target}`;
  expect(() => checkStartAllowed(load(`--backplane=${name}`, url))).not.toThrow();
  expect(startWarnings(load(url))).toEqual([expect.stringContaining("backplane is local")]);
  expect(startWarnings(load("--backplane=redis", "--redis-url=redis://h", url))).toEqual([
    expect.stringContaining("backplane is redis"),
  ]);
});

test.each([
  ["redis", "redis://ann:s3cret@10.0.0.5", "10.0.0.5:6379"],
  ["redis", "redis+sentinel://:s3cret@one,two:7/main?sentinel_password=s3cret", "one:26379,two:7"],
  ["redis", "unix:///run/redis.sock", "/run/redis.sock"],
  ["redis", "redis://[::1]:7", "[::1]:7"],
  ["rabbitmq", "stomp://ann:s3cret@rabbit/chat", "rabbit:61613"],
  ["nats", "nats://s3cret@one,two:7", "one:4222,two:7"],
])("a log may tell where %s is: %s", (name, url, address) => {
  expect(backplaneAddress(load(`--backplane=${name}`, `--${name}-url=${url}`))).toBe(address);
});

test("a node that is alone has no address of others", () => {
  expect(backplaneAddress(load("--redis-url=redis://host"))).toBeNull();
});

test.each([
  "--backplane=kafka",
  "--rabbitmq-url=amqp://u:s3cret@localhost",
  "--rabbitmq-url=stomp://u:s3cret@host:port",
  "--rabbitmq-heartbeat-ms=10",
  "--nats-url=http://u:s3cret@host",
  "--nats-prefix=parley",
  "--nats-prefix=*.",
  "--redis-url=http://localhost",
  "--redis-url=localhost:6379",
  "--redis-url=redis://:s3cret@/0",
  "--redis-url=redis://:s3cret@host:port",
  "--redis-prefix=a b",
  "--redis-prefix=*",
  "--node-id=a b",
  "--redis-pending-bytes=0",
])("%s is refused in one line, and no password is shown", (flag) => {
  const name = flag.slice(2, flag.indexOf("=")).replace("-", ".").replace("-", "_");
  const line = new RegExp(`^${name.replace(".", "\\.")} [^\\n]+$`);
  expect(() => load(flag)).toThrow(line);
  expect(() => load(flag)).not.toThrow("s3cret");
});

describe("the URL of a Redis", () => {
  const none = { username: undefined, password: undefined };
  const at = (host: string, port: number) => ({ host, port });

  test.each([
    ["redis://localhost", { kind: "single", endpoints: [at("localhost", 6_379)], ...none }],
    ["redis://h:80", { endpoints: [at("h", 80)] }],
    ["rediss://u:p%40ss@h:7000/3", { isTls: true, username: "u", password: "p@ss", database: 3 }],
    [
      "redis://:p@[::1]:7000",
      { endpoints: [at("::1", 7_000)], username: undefined, password: "p" },
    ],
    ["unix:///run/redis.sock", { kind: "single", endpoints: [{ path: "/run/redis.sock" }] }],
    ["unix://u:p@/run/r.sock?db=2", { username: "u", password: "p", database: 2 }],
    [
      "redis+sentinel://:p@a,b:5000,[::1]/my-master/2",
      {
        ...{ kind: "sentinel", master: "my-master", database: 2, password: "p", isTls: false },
        endpoints: [at("a", 26_379), at("b", 5_000), at("::1", 26_379)],
      },
    ],
    [
      "rediss+sentinel://a/m?sentinel_username=s&sentinel_password=q",
      { isTls: true, sentinelUsername: "s", sentinelPassword: "q", ...none },
    ],
    ["redis+cluster://a:1,b:2", { kind: "cluster", endpoints: [at("a", 1), at("b", 2)] }],
  ])("%s is understood", (url, target) => {
    expect(parseRedisUrl(url)).toMatchObject(target);
  });

  test.each([
    ...["", "redis:", "redis://", "redis://a,b", "redis://h/x", "redis://h/1/2", "redis://h?x=1"],
    ...["redis://h#x", "redis+sentinel://h", "redis+sentinel:///m", "redis+cluster://h/1"],
    ...["unix://", "unix://h/path", "redis://%zz@h", "redis://h:99999", "redis+other://h"],
  ])("%s is not", (url) => {
    expect(parseRedisUrl(url)).toBeNull();
  });
});

describe("the URL of a RabbitMQ", () => {
  test.each([
    [
      "stomp://localhost",
      {
        ...{ host: "localhost", port: 61_613, isTls: false, virtualHost: "/" },
        ...{ login: "guest", passcode: "guest" },
      },
    ],
    ["stomps://h", { port: 61_614, isTls: true }],
    ["stomp://h:80/%2F", { port: 80, virtualHost: "/" }],
    ["stomp://u%40x:p%2Fw@[::1]:1/team", { host: "::1", login: "u@x", passcode: "p/w", port: 1 }],
    ["stomp://u:p@h/a%2Fb", { virtualHost: "a/b" }],
  ])("%s is understood", (url, target) => {
    expect(parseRabbitMqUrl(url)).toMatchObject(target);
  });

  test.each([
    ...["", "stomp:", "stomp://", "amqp://h", "stomp://h/a/b", "stomp://h?x=1", "stomp://h#x"],
    ...["stomp://u@h", "stomp://:p@h", "stomp://%zz:p@h", "stomp://h:99999", "stomp://h,i"],
  ])("%s is not", (url) => {
    expect(parseRabbitMqUrl(url)).toBeNull();
  });
});

describe("the URL of a NATS", () => {
  test.each([
    ["nats://localhost", { servers: ["localhost:4222"], isTls: false, user: undefined }],
    ["tls://u:p%40ss@a:1,b,[::1]/", { isTls: true, user: "u", password: "p@ss" }],
    ["nats://t%3Aoken@h", { user: "t:oken", password: undefined }],
    ["nats://u:p@a:1,b,[::1]", { servers: ["a:1", "b:4222", "[::1]:4222"] }],
  ])("%s is understood", (url, target) => {
    expect(parseNatsUrl(url)).toMatchObject(target);
  });

  test.each([
    ...["", "nats:", "nats://", "ws://h", "nats://h/x", "nats://h?x=1", "nats://@h", "nats://u:@h"],
    ...["nats://:p@h", "nats://a:b:c@h", "nats://%zz@h", "nats://h:x", "nats://h,"],
  ])("%s is not", (url) => {
    expect(parseNatsUrl(url)).toBeNull();
  });
});
