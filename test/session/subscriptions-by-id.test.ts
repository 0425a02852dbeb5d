import { expect, test } from "bun:test";
import { Broker } from "../../src/broker/broker.ts";
import { SessionSubscription } from "../../src/session/session-subscription.ts";
import { SubscriptionsById } from "../../src/session/subscriptions-by-id.ts";
import { FakeConnection, FakeEngine } from "../support/session-harness.ts";

const engine = new FakeEngine();
const connection = new FakeConnection(engine);
const limits = { unacknowledgedMessages: 1, unacknowledgedBytes: 1 };
const protocol = { version: "1.2", wire: "text" } as const;
const scope = { broker: new Broker(engine), connection, limits, protocol, overflow() {} };

function subscription(id: string | null, destination: string): SessionSubscription {
  return new SessionSubscription(
    scope,
    { key: destination, pattern: null, destination, id },
    "auto",
    1,
  );
}

for (const count of [3, 8, 9, 40]) {
  test(`${count} subscriptions are found by their ids, in the order of their coming`, () => {
    const byId = new SubscriptionsById();
    const all = Array.from({ length: count }, (_, n) => subscription(`${n}`, "/topic/a"));
    for (const each of all) byId.add(each);
    expect([...byId.values()]).toEqual(all);
    expect(all.map((_, n) => byId.get(`${n}`))).toEqual(all);
    byId.delete("1");
    byId.delete("unknown");
    expect(byId.get("1")).toBeUndefined();
    expect([...byId.values()]).toEqual(all.filter((_, n) => n !== 1));
    for (let n = 0; n < count; n += 1) byId.delete(`${n}`);
    expect([...byId.values()]).toEqual([]);
    expect(byId.nameLengths).toBe(0);
  });
}

test("one without an id goes by its destination", () => {
  const byId = new SubscriptionsById();
  const only = subscription(null, "/topic/a");
  byId.add(only);
  expect(byId.get("/topic/a")).toBe(only);
  expect(byId.nameLengths).toBe(2 * "/topic/a".length);
});
