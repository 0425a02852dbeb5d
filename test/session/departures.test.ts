import { expect, test } from "bun:test";
import { Departures } from "../../src/session/departures.ts";
import { settled } from "../support/held-store.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

function departuresOf() {
  const connection = new FakeConnection(new FakeEngine());
  const gone: string[] = [];
  const departures = new Departures<string>(connection, setImmediate, (messages) =>
    gone.push(...messages),
  );
  return { connection, gone, departures };
}

test("messages depart when the buffer is empty", async () => {
  const { connection, gone, departures } = departuresOf();
  connection.buffered = 1;
  departures.add("a", 100);
  await settled();
  expect(gone).toEqual([]);
  connection.buffered = 0;
  departures.check();
  expect(gone).toEqual(["a"]);
});

test("with a buffer that is never empty, they depart when as much was sent after them", async () => {
  const { connection, gone, departures } = departuresOf();
  connection.buffered = 250;
  for (const message of ["a", "b", "c", "d", "e"]) departures.add(message, 100);
  await settled();
  expect(gone).toEqual(["a", "b"]);
  departures.add("f", 100);
  departures.check();
  expect(gone).toEqual(["a", "b", "c"]);
  connection.buffered = 100;
  departures.check();
  expect(gone).toEqual(["a", "b", "c", "d", "e"]);
});

test("one of which the place is not known waits for what follows it, or for the buffer", async () => {
  const { connection, gone, departures } = departuresOf();
  connection.buffered = 150;
  departures.add("a", 0);
  departures.add("b", 100);
  await settled();
  expect(gone).toEqual([]);
  departures.add("c", 100);
  departures.check();
  expect(gone).toEqual(["a"]);
});

test("what waits is bounded by the buffer, however long it goes on", async () => {
  const { connection, gone, departures } = departuresOf();
  connection.buffered = 1_000;
  for (let n = 0; n < 10_000; n += 1) {
    departures.add(`${n}`, 100);
    departures.check();
    expect(n + 1 - gone.length).toBeLessThanOrEqual(10);
  }
});

test("a lost connection delivers nothing more", async () => {
  const { gone, departures } = departuresOf();
  departures.add("a", 100);
  departures.abandon();
  await settled();
  expect(gone).toEqual([]);
});
