import { afterEach, beforeEach, expect, test } from "bun:test";
import { openPostgresStorage } from "../../src/storage/postgres.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";
import { EPOCH_MS } from "../support/stored.ts";

let one: Storage;
let other: Storage;

beforeEach(async () => {
  const databases = await postgresDatabases();
  one = await databases.open();
  other = await openPostgresStorage({ url: databases.sharedUrl });
});
afterEach(() => Promise.all([one.close(), other.close()]));

test("a lane of which one node takes the last event while another adds one goes on", async () => {
  const event = (lane: string, id: string) => ({
    ...{ id, type: "presence.changed", lane, createdMs: EPOCH_MS, data: "{}" },
  });
  for (let round = 0; round < 40; round += 1) {
    const lanes = Array.from({ length: 20 }, (_, lane) => `${round}-${lane}`);
    await one.webhooks.add(lanes.map((lane) => event(lane, "first")));
    const due = await one.webhooks.due(EPOCH_MS, [], 100);
    expect(due).toHaveLength(lanes.length);
    const outcomes = due.map(({ position }) => ({ kind: "sent", position }) as const);
    await Promise.all([
      one.webhooks.settle(outcomes),
      other.webhooks.add(lanes.map((lane) => event(lane, "second"))),
    ]);
    const next = await one.webhooks.due(EPOCH_MS, [], 100);
    expect(next.map(({ lane, id }) => `${lane} ${id}`).sort()).toEqual(
      lanes.map((lane) => `${lane} second`).sort(),
    );
    await one.webhooks.settle(next.map(({ position }) => ({ kind: "sent", position }) as const));
  }
});
