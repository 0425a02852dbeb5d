import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { type StompConfig, Versions } from "@stomp/stompjs";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { connectStock, type StockClient } from "../support/stock-client.ts";

const MESSAGES = "/user/queue/messages";
const SHORT_BEATS = {
  flags: ["--heartbeat-minimum-ms=200", "--heartbeat-send-ms=200", "--heartbeat-receive-ms=1000"],
};
/** The server's heart-beats may be a second late, the client's two: tests share their machine. */
const BEATING: StompConfig = {
  heartbeatIncoming: 200,
  heartbeatToleranceMultiplier: 5,
  heartbeatOutgoing: 200,
};

/** Resolves when the server has sent the client so many heart-beats more. */
async function beats(client: StockClient, count: number): Promise<void> {
  let beaten = 0;
  client.stomp.onHeartbeatReceived = () => {
    beaten += 1;
    client.note();
  };
  await client.until(() => beaten >= count, "heart-beats");
}

describe("heart-beats of @stomp/stompjs", () => {
  test.each(["1.1", "1.2"])("go both ways in %s, and keep the connection", async (version) => {
    const server = await startParley(SHORT_BEATS);
    const lines: string[] = [];
    const client = await connectStock(server, "beating", {
      config: {
        ...BEATING,
        stompVersions: new Versions([version]),
        debug: (line) => lines.push(line),
      },
    });
    // Longer than a silent client is borne with.
    await beats(client, 15);
    expect(lines.filter((line) => line === ">>> PING").length).toBeGreaterThan(1);
    expect([client.connects, client.closes]).toEqual([1, []]);
    await client.close();
    expect(await server.stop()).toBe(0);
  });

  test("tell the client of a server that is dead; it comes back when the server does", async () => {
    const server = await startParley(SHORT_BEATS);
    const client = await connectStock(server, "watching", {
      config: { ...BEATING, discardWebsocketOnCommFailure: true },
    });
    await beats(client, 1);
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    client.stomp.onHeartbeatLost = resolve;
    process.kill(server.pid, "SIGSTOP");
    await lost;
    process.kill(server.pid, "SIGCONT");
    await client.until(() => client.connects === 2, "the second connection");
    await client.close();
    expect(await server.stop()).toBe(0);
  });

  test("tell the server of a client that is dead, which others see go offline", async () => {
    const server = await startParley({ flags: [...SHORT_BEATS.flags, "--presence-grace-ms=0"] });
    const link = { isCut: false };
    const webSocketFactory = () => {
      const socket = new WebSocket(server.wsUrl, ["v12.stomp"]);
      const send = socket.send.bind(socket);
      socket.send = (data) => {
        if (!link.isCut) send(data);
      };
      return socket;
    };
    const observer = await connectStock(server, "observer");
    await observer.subscribed("/topic/presence");
    const client = await connectStock(server, "dying", {
      config: { ...BEATING, webSocketFactory },
    });
    client.send("/app/user.connect", { userId: "dying" });
    const isDying = (status: string) => (event: Record<string, unknown>) =>
      event.userId === "dying" && event.status === status;
    await observer.event("/topic/presence", isDying("ONLINE"));
    link.isCut = true;
    await client.until(() => client.errors.length === 1, "the ERROR");
    link.isCut = false;
    expect(client.errors).toEqual(["HEARTBEAT_TIMEOUT"]);
    await observer.event("/topic/presence", isDying("OFFLINE"));
    await client.until(() => client.connects === 2, "the second connection");
    for (const each of [client, observer]) await each.close();
    expect(await server.stop()).toBe(0);
  });
});

/** A front end that subscribes at each connect, and comes back when `server` says where to. */
async function frontEnd(
  userId: string,
  first: ParleyProcess,
  next: Promise<ParleyProcess>,
): Promise<StockClient> {
  const socketUrl = { current: first.wsUrl };
  const client = await connectStock(first, userId, {
    config: { webSocketFactory: () => new WebSocket(socketUrl.current, ["v12.stomp"]) },
    onConnect: (each) => {
      each.subscribe(MESSAGES, { id: "messages", ack: "client" });
      each.subscribe("/topic/news");
    },
  });
  client.stomp.beforeConnect = async () => {
    socketUrl.current = (await next).wsUrl;
  };
  await client.sent("/topic/nowhere", {});
  return client;
}

describe("a server that restarts", () => {
  test.each(["stop", "kill"] as const)(
    "(%s) finds its clients again: they subscribe anew and get what they missed, in order",
    async (end) => {
      const dataDir = temporaryDir();
      const first = await startParley({ dataDir });
      const [forAlice, forBob] = [
        Promise.withResolvers<ParleyProcess>(),
        Promise.withResolvers<ParleyProcess>(),
      ];
      const alice = await frontEnd("alice", first, forAlice.promise);
      const bob = await frontEnd("bob", first, forBob.promise);
      const say = (content: string) =>
        alice.sent("/app/chat.send", { conversationId: "c", recipientId: "bob", content });
      await say("before");
      await bob.count(MESSAGES, 1);
      await first[end]();
      const second = await startParley({ dataDir });
      forAlice.resolve(second);
      await alice.until(() => alice.connects === 2, "alice's second connection");
      for (const content of ["one", "two", "three"]) await say(content);
      expect(bob.connects).toBe(1);
      forBob.resolve(second);
      // What Bob never acknowledged comes again, then what he missed.
      await bob.count(MESSAGES, 5);
      expect(bob.got(MESSAGES).map(({ content }) => content)).toEqual([
        "before",
        ...["before", "one", "two", "three"],
      ]);
      alice.send("/topic/news", { title: "both are back" });
      for (const client of [alice, bob]) {
        await client.count("/topic/news", 1);
        expect(client.connects).toBe(2);
        await client.close();
      }
      expect(await second.stop()).toBe(0);
      rmSync(dataDir, { recursive: true });
    },
  );
});
