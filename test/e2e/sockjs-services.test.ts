import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";

let server: ParleyProcess;

beforeAll(async () => {
  server = await startParley({ flags: ["--sockjs-test-services", "--sockjs-grace-ms=50"] });
});

afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

let sessions = 0;

/** A session of a service, by polling. */
function session(path: string) {
  sessions += 1;
  const url = `${server.url}${path}/000/services-${sessions}`;
  const post = (transport: string, body = "") =>
    fetch(`${url}/${transport}`, { method: "POST", body, proxy: "" });
  return {
    poll: async () => (await post("xhr")).text(),
    send: async (...messages: string[]) =>
      (await post("xhr_send", JSON.stringify(messages))).status,
  };
}

describe("the services of SockJS suites", () => {
  test("are there in test mode only", async () => {
    const plain = await startParley();
    for (const path of ["/echo", "/disabled_websocket_echo", "/close/info", "/amplify/a/b/xhr"]) {
      expect((await fetch(plain.url + path, { proxy: "" })).status).toBe(404);
    }
    expect(await plain.stop()).toBe(0);
  });

  test.each([
    ["1", 2],
    ["12", 4_096],
    ["18", 262_144],
    ["19", 2],
    ["x", 2],
  ])("amplify answers %s with %d letters", async (power, length) => {
    const { poll, send } = session("/amplify");
    expect(await poll()).toBe("o\n");
    expect(await send(power)).toBe(204);
    expect(await poll()).toBe(`a["${"x".repeat(length)}"]\n`);
  });

  test("close goes away at once", async () => {
    const { poll } = session("/close");
    expect([await poll(), await poll()]).toEqual(["o\n", 'c[3000,"Go away!"]\n']);
  });
});

test("a session without a receiving request is forgotten after the grace", async () => {
  const { poll, send } = session("/echo");
  expect(await poll()).toBe("o\n");
  while ((await send("are you there?")) !== 404);
  let answer = await poll();
  while (answer.startsWith("c[1002")) answer = await poll();
  expect(answer).toBe("o\n");
});
