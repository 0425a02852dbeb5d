import { expect, test } from "bun:test";
import { DIALECTS } from "../../bench/load/dialects/all.ts";

const EVERYONE = "everyone";

const SAMPLES = [
  { dialect: "nats", welcome: "PONG\r\n", ping: "PING\r\n", pong: "PONG\r\n" },
  { dialect: "socket.io", welcome: '40{"sid":"s"}', ping: "2", pong: "3" },
  { dialect: "centrifugo", welcome: '{"id":1,"connect":{}}', ping: "{}", pong: "{}" },
] as const;

// Nothing stands behind such a ping in the buffer in which it was read.
test.each([...SAMPLES])("$dialect: a ping that comes alone is answered", async (sample) => {
  const { promise: answer, resolve, reject } = Promise.withResolvers<string>();
  let isWelcome = false;
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, upgrading) => {
      const protocol = request.headers.get("sec-websocket-protocol") ?? "";
      const headers = { "sec-websocket-protocol": protocol };
      return upgrading.upgrade(request, { headers }) ? undefined : new Response(null);
    },
    websocket: {
      open: (socket) => void socket.subscribe(EVERYONE),
      message(socket, said) {
        if (isWelcome) resolve(String(said));
        else socket.send(sample.welcome);
        isWelcome = true;
      },
      close: () => reject(new Error("The client left instead of answering")),
    },
  });
  const connection = await DIALECTS[sample.dialect].connect({
    port: server.port ?? 0,
    userId: "ada",
    onBody: () => reject(new Error("A ping is no body")),
    onLost: (reason) => reject(new Error(reason)),
  });
  server.publish(EVERYONE, sample.ping);
  expect(await answer).toBe(sample.pong);
  connection.close();
});
