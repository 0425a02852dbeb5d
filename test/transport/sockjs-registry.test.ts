import { expect, test } from "bun:test";
import { SockJsConnection } from "../../src/transport/sockjs-connection.ts";
import { SockJsRegistry } from "../../src/transport/sockjs-registry.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { LOCAL } from "../support/remote.ts";

const PAGE = "https://chat.example";

function setUp(owner = { origin: null as string | null, address: "10.0.0.1" as string | null }) {
  const registry = new SockJsRegistry(2);
  const connection = new SockJsConnection({
    ...{ clock: new FakeClock(), sendBufferBytes: 1, graceMs: 1, remote: LOCAL },
    onForgotten: () => {},
  });
  registry.add("s", connection, owner);
  return { registry, connection };
}

test("a session is found by its page and address", () => {
  const { registry, connection } = setUp({ origin: PAGE, address: "10.0.0.1" });
  expect(registry.find("s", { origin: PAGE, address: "10.0.0.1" })).toBe(connection);
  expect(registry.find("t", { origin: PAGE, address: "10.0.0.1" })).toBeUndefined();
});

test("a session's id is of no use to others", () => {
  const { registry } = setUp({ origin: PAGE, address: "10.0.0.1" });
  expect(registry.find("s", { origin: PAGE, address: "10.0.0.2" })).toBeUndefined();
  expect(
    registry.find("s", { origin: "https://evil.example", address: "10.0.0.1" }),
  ).toBeUndefined();
});

test("the page is known from the first request that names it", () => {
  const { registry, connection } = setUp();
  expect(registry.find("s", { origin: null, address: "10.0.0.1" })).toBe(connection);
  expect(registry.find("s", { origin: PAGE, address: "10.0.0.1" })).toBe(connection);
  expect(
    registry.find("s", { origin: "https://evil.example", address: "10.0.0.1" }),
  ).toBeUndefined();
});

test("there is an end to sessions", () => {
  const { registry, connection } = setUp();
  expect(registry.isFull).toBe(false);
  registry.add("t", connection, { origin: null, address: null });
  expect(registry.isFull).toBe(true);
  registry.remove("s");
  expect(registry.isFull).toBe(false);
});
