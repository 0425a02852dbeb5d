import { afterEach, beforeEach, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { countedIds } from "../../src/ids.ts";
import type { WebhookEvent } from "../../src/notify/webhook-ports.ts";
import { PresenceWebhooks } from "../../src/notify/webhook-presence.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";

let clock: FakeClock;
let batches: (readonly WebhookEvent[])[];
let isFailing: boolean;
let added: number;
let presence: PresenceWebhooks;

beforeEach(() => {
  clock = new FakeClock();
  batches = [];
  isFailing = false;
  added = 0;
  presence = new PresenceWebhooks({
    store: {
      add: async (events) => {
        if (isFailing) throw new AppError("STORAGE_UNAVAILABLE", "the disk is full");
        batches.push(events);
      },
    },
    ...{ newId: countedIds("e"), clock },
    onAdded: () => {
      added += 1;
    },
    onFault: (fault) => {
      throw fault;
    },
  });
});
afterEach(() => presence.stop());

const told = (events: readonly WebhookEvent[] = []) =>
  events.map(({ lane, data }) => `${lane} ${data}`);

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

test("changes are added together, of each user the latest, the last one last", async () => {
  presence.start();
  presence.changed("alice", "ONLINE");
  presence.changed("bob", "ONLINE");
  presence.changed("alice", "AWAY");
  expect(batches).toEqual([]);
  await pass(200);
  expect(batches).toHaveLength(1);
  expect(told(batches[0])).toEqual(["user:bob ONLINE", "user:alice AWAY"]);
  expect(added).toBe(1);
  presence.changed("bob", "OFFLINE");
  await pass(200);
  expect(told(batches[1])).toEqual(["user:bob OFFLINE"]);
});

test("many are added in portions", async () => {
  presence.start();
  for (let user = 0; user < 1_200; user += 1) presence.changed(`${user}`, "ONLINE");
  await pass(200);
  await pass(0);
  await pass(0);
  expect(batches.map((batch) => batch.length)).toEqual([500, 500, 200]);
});

test("what the store does not take is added later, or what has changed since", async () => {
  presence.start();
  isFailing = true;
  presence.changed("alice", "ONLINE");
  presence.changed("bob", "ONLINE");
  await pass(200);
  presence.changed("alice", "AWAY");
  isFailing = false;
  await pass(1_000);
  expect(batches.flatMap(told).toSorted()).toEqual(["user:alice AWAY", "user:bob ONLINE"]);
});

test("nothing is added where another node leads", async () => {
  presence.changed("alice", "ONLINE");
  await pass(1_000);
  presence.start();
  presence.changed("bob", "ONLINE");
  await presence.stop();
  presence.changed("carol", "ONLINE");
  await pass(1_000);
  expect(batches.flatMap(told)).toEqual(["user:bob ONLINE"]);
});
