import { afterEach, beforeEach, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { countedIds } from "../../src/ids.ts";
import { WebhookAdditions } from "../../src/notify/webhook-additions.ts";
import type { WebhookEvent } from "../../src/notify/webhook-ports.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";

let clock: FakeClock;
let batches: (readonly WebhookEvent[])[];
let isFailing: boolean;
let added: number;
let additions: WebhookAdditions;

beforeEach(() => {
  clock = new FakeClock();
  batches = [];
  isFailing = false;
  added = 0;
  additions = new WebhookAdditions({
    subjects: ["presence", "failures"],
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
afterEach(() => additions.stop());

const told = (events: readonly WebhookEvent[] = []) =>
  events.map(({ lane, data }) => `${lane} ${data}`);

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

test("changes are added together, of each user the latest, the last one last", async () => {
  additions.start();
  additions.presenceChanged("alice", "ONLINE");
  additions.presenceChanged("bob", "ONLINE");
  additions.presenceChanged("alice", "AWAY");
  expect(batches).toEqual([]);
  await pass(200);
  expect(batches).toHaveLength(1);
  expect(told(batches[0])).toEqual(["user:bob ONLINE", "user:alice AWAY"]);
  expect(added).toBe(1);
  additions.presenceChanged("bob", "OFFLINE");
  await pass(200);
  expect(told(batches[1])).toEqual(["user:bob OFFLINE"]);
});

test("many are added in portions", async () => {
  additions.start();
  for (let user = 0; user < 1_200; user += 1) additions.presenceChanged(`${user}`, "ONLINE");
  await pass(200);
  await pass(0);
  await pass(0);
  expect(batches.map((batch) => batch.length)).toEqual([500, 500, 200]);
});

test("a stop adds all that there is, and gives up what the store does not take", async () => {
  additions.start();
  for (let user = 0; user < 1_200; user += 1) additions.presenceChanged(`user-${user}`, "ONLINE");
  await additions.stop();
  expect(batches.map((events) => events.length)).toEqual([500, 500, 200]);
  additions.start();
  additions.presenceChanged("alice", "ONLINE");
  isFailing = true;
  await additions.stop();
  expect(batches).toHaveLength(3);
});

test("what the store does not take is added later, or what has changed since", async () => {
  additions.start();
  isFailing = true;
  additions.presenceChanged("alice", "ONLINE");
  additions.presenceChanged("bob", "ONLINE");
  await pass(200);
  additions.presenceChanged("alice", "AWAY");
  isFailing = false;
  await pass(1_000);
  expect(batches.flatMap(told).toSorted()).toEqual(["user:alice AWAY", "user:bob ONLINE"]);
});

test("nothing is added where another node leads", async () => {
  additions.presenceChanged("alice", "ONLINE");
  await pass(1_000);
  additions.start();
  additions.presenceChanged("bob", "ONLINE");
  await additions.stop();
  additions.presenceChanged("carol", "ONLINE");
  await pass(1_000);
  expect(batches.flatMap(told)).toEqual(["user:bob ONLINE"]);
});
