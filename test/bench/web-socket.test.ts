import { expect, test } from "bun:test";
import { LightWebSocket, trafficSoFar } from "../../bench/load/web-socket.ts";

test("what connections carry is counted, heads of frames too", async () => {
  using server = Bun.serve({
    ...{ port: 0, hostname: "127.0.0.1" },
    fetch: (request, self) =>
      self.upgrade(request) ? undefined : new Response(null, { status: 400 }),
    websocket: { message: (socket, text) => void socket.send(text) },
  });
  let echoed = Promise.withResolvers<void>();
  const beginning = trafficSoFar();
  const socket = await LightWebSocket.open({
    ...{ port: server.port ?? 0, path: "/", protocol: null },
    onMessage: () => echoed.resolve(),
    onClose: () => {},
  });
  const opened = trafficSoFar();
  expect(opened).toMatchObject({ framesIn: beginning.framesIn, framesOut: beginning.framesOut });
  expect(opened.bytesIn).toBeGreaterThan(beginning.bytesIn + "HTTP/1.1 101".length);
  expect(opened.bytesOut).toBeGreaterThan(beginning.bytesOut + "GET / HTTP/1.1".length);
  for (const [text, head] of [
    ["a heart-beat", 2],
    ["x".repeat(300), 4],
  ] as const) {
    echoed = Promise.withResolvers();
    const before = trafficSoFar();
    socket.send(text);
    await echoed.promise;
    expect(trafficSoFar()).toEqual({
      ...{ framesIn: before.framesIn + 1, bytesIn: before.bytesIn + head + text.length },
      // A client's frame is masked, by four bytes.
      ...{ framesOut: before.framesOut + 1, bytesOut: before.bytesOut + head + 4 + text.length },
    });
  }
  socket.close();
});
