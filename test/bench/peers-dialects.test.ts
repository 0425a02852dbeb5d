import { afterEach, expect, test } from "bun:test";
import type { Server, ServerWebSocket } from "bun";
import { DIALECTS, type DialectName } from "../../bench/load/dialects/all.ts";
import type { Connection } from "../../bench/load/dialects/dialect.ts";

/** A server that answers by a script: what it says to a login, and whatever a test has it say. */
class ScriptedServer {
  readonly heard: string[] = [];
  readonly #server: Server<undefined>;
  #socket: ServerWebSocket<undefined> | null = null;
  #onHeard: () => void = () => {};

  constructor(greeting: string | null, answers: Readonly<Record<string, string>>) {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        const isUpgraded = server.upgrade(request, { data: undefined });
        return isUpgraded ? undefined : new Response("scripted");
      },
      websocket: {
        open: (socket) => {
          this.#socket = socket;
          if (greeting !== null) socket.send(greeting);
        },
        message: (socket, message) => {
          const text = message.toString();
          this.heard.push(text);
          for (const [beginning, answer] of Object.entries(answers)) {
            if (text.startsWith(beginning)) socket.send(answer);
          }
          this.#onHeard();
        },
      },
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  say(message: string): void {
    this.#socket?.send(message);
  }

  async hears(count: number): Promise<void> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#onHeard = resolve;
      });
    }
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

interface Heard {
  readonly connection: Connection;
  readonly bodies: string[];
  readonly losses: string[];
  /** Resolves when so many bodies or losses have come. */
  receives(count: number): Promise<void>;
}

async function connect(dialect: DialectName, server: ScriptedServer): Promise<Heard> {
  const bodies: string[] = [];
  const losses: string[] = [];
  let onSomething: () => void = () => {};
  const connection = await DIALECTS[dialect].connect({
    port: server.port,
    userId: "user-1",
    onBody: (bytes, start, end) => {
      bodies.push(bytes.toString("utf8", start, end));
      onSomething();
    },
    onLost: (reason) => {
      losses.push(reason);
      onSomething();
    },
  });
  ended.push(() => connection.close());
  const receives = async (count: number) => {
    while (bodies.length + losses.length < count) {
      await new Promise<void>((resolve) => {
        onSomething = resolve;
      });
    }
  };
  return { connection, bodies, losses, receives };
}

function scripted(greeting: string | null, answers: Readonly<Record<string, string>>) {
  const server = new ScriptedServer(greeting, answers);
  ended.push(() => server.stop());
  return server;
}

const natsServer = () => scripted('INFO {"max_payload":1048576}\r\n', { CONNECT: "PONG\r\n" });
const stompServer = () => scripted(null, { CONNECT: "CONNECTED\nversion:1.2\n\n\0" });
const socketIoServer = () => scripted('0{"sid":"a"}', { "40": '40{"sid":"b"}' });
const centrifugoServer = () => scripted(null, { '{"id":1,': '{"id":1,"connect":{"ping":25}}' });

test("STOMP: bodies after headers of any length, with and without a line feed at the end", async () => {
  const server = stompServer();
  const { bodies, receives } = await connect("rabbitmq", server);
  server.say("MESSAGE\nsubscription:sub-0\nmessage-id:9\n\none\0");
  server.say("MESSAGE\nsubscription:sub-0\nmessage-id:9\n\ntwo\0\n");
  server.say("\n");
  server.say("MESSAGE\nsubscription:sub-0\nmessage-id:10000\n\nthree\0\n");
  await receives(3);
  expect(bodies).toEqual(["one", "two", "three"]);
});

test("STOMP: RabbitMQ is told a name and a password", async () => {
  const server = stompServer();
  const { connection } = await connect("rabbitmq", server);
  connection.subscribe("room");
  connection.publish("room", "hello");
  await server.hears(3);
  expect(server.heard[0]).toContain("\nhost:/\nlogin:guest\npasscode:guest\n");
  expect(server.heard[1]).toStartWith("SUBSCRIBE\nid:sub-0\ndestination:/topic/room\n");
  expect(server.heard[2]).toBe("SEND\ndestination:/topic/room\ncontent-type:text/plain\n\nhello\0");
});

test("STOMP: a refused login rejects with what the server says", async () => {
  const server = scripted(null, { CONNECT: "ERROR\nmessage:no such user\n\n\0" });
  await expect(connect("spring", server)).rejects.toThrow("no such user");
});

test("STOMP: an ERROR is a loss", async () => {
  const server = stompServer();
  const { losses, receives } = await connect("spring", server);
  server.say("ERROR\nmessage:too fast\n\n\0");
  await receives(1);
  expect(losses).toEqual(["ERROR\nmessage:too fast\n\n\0"]);
});

test("NATS: a stream cut anywhere gives the same bodies", async () => {
  const stream =
    "MSG room 1 5\r\nhello\r\nPING\r\nMSG room 1 10\r\na\r\nb and c\r\nMSG r 1 0\r\n\r\n";
  for (let cut = 1; cut < stream.length; cut += 1) {
    const server = natsServer();
    const { bodies, losses, receives } = await connect("nats", server);
    server.say(stream.slice(0, cut));
    server.say(stream.slice(cut));
    await receives(3);
    expect(bodies).toEqual(["hello", "a\r\nb and c", ""]);
    expect(losses).toEqual([]);
  }
});

test("NATS: pings are answered, channels get ids, bodies their length", async () => {
  const server = natsServer();
  const { connection } = await connect("nats", server);
  connection.subscribe("one");
  connection.subscribe("two");
  connection.publish("one", "hello");
  server.say("PING\r\n");
  await server.hears(5);
  expect(server.heard.slice(1)).toEqual([
    ...["SUB one 1\r\n", "SUB two 2\r\n", "PUB one 5\r\nhello\r\n", "PONG\r\n"],
  ]);
});

test("NATS: -ERR is a loss", async () => {
  const server = natsServer();
  const { losses, receives } = await connect("nats", server);
  server.say("-ERR 'Slow Consumer'\r\n");
  await receives(1);
  expect(losses).toEqual(["-ERR 'Slow Consumer'"]);
});

test("Socket.IO: events are bodies, pings are answered", async () => {
  const server = socketIoServer();
  const { connection, bodies, receives } = await connect("socket.io", server);
  server.say('42["message","one"]');
  server.say("2");
  server.say('42["message","two"]');
  connection.subscribe("room");
  connection.publish("room", "hello");
  await receives(2);
  await server.hears(4);
  expect(bodies).toEqual(["one", "two"]);
  expect(server.heard.toSorted()).toEqual(
    ["3", "40", '42["publish","room","hello"]', '42["subscribe","room"]'].toSorted(),
  );
});

test("Centrifugo: several lines in a message, among them replies and a ping", async () => {
  const server = centrifugoServer();
  const { connection, bodies, losses, receives } = await connect("centrifugo", server);
  const push = (data: string) => `{"push":{"channel":"room","pub":{"data":"${data}"}}}`;
  server.say(`${push("one")}\n{"id":2,"publish":{}}\n{}\n${push("two")}`);
  server.say('{"push":{"channel":"room","join":{}}}');
  server.say(push("three"));
  await receives(3);
  connection.subscribe("room");
  connection.publish("room", "hello");
  await server.hears(4);
  expect(bodies).toEqual(["one", "two", "three"]);
  expect(losses).toEqual([]);
  expect(server.heard.slice(1)).toEqual([
    "{}",
    '{"id":2,"subscribe":{"channel":"room"}}',
    '{"id":3,"publish":{"channel":"room","data":"hello"}}',
  ]);
});

test("Centrifugo: a refused command is a loss", async () => {
  const server = centrifugoServer();
  const { losses, receives } = await connect("centrifugo", server);
  server.say('{"id":2,"error":{"code":103,"message":"permission denied"}}');
  await receives(1);
  expect(losses[0]).toContain("permission denied");
});
