import { expect, test } from "bun:test";
import { UserChannels } from "../../src/app/user-channels.ts";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import type { StoredMessage } from "../../src/chat/stored-chats.ts";
import { MemoryChatStore } from "../../src/storage/memory-chat-store.ts";
import { chatHarness } from "../support/chat-harness.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { settled } from "../support/held-store.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";

/** Longer than it may take until what was lost is told again. */
const WORD_MS = 32_000;

/** Two nodes with their real channels. Alice is connected to the first one, Bob to the second. */
async function twoNodes() {
  const [network, store, clock] = [new InProcessNetwork(), new MemoryChatStore(), new FakeClock()];
  const start = (id: string, userId: string) => {
    const backplane = network.node(id);
    const channels = new NodeChannels(backplane, () => {});
    const users = new UserChannels({ channels, clock, userIds: () => [userId] });
    const harness = chatHarness(store, { nodes: users, clock });
    const { nodeNotices, presence } = harness.chat;
    if (nodeNotices === null) throw new TypeError("the node is alone");
    users.start(nodeNotices);
    channels.start();
    users.connected(userId);
    presence.connected(userId, userId);
    return { backplane, channels, ...harness };
  };
  const here = start("here", "alice");
  const there = start("there", "bob");
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
      clock.advance(1_000);
      await settled();
    }
  };
  const say = (content: string) =>
    here.send("alice", { conversationId: "c", recipientId: "bob", content });
  const shownToBob = () => there.outlet.bodies("message", "bob").map(({ content }) => content);
  say("first");
  await pass(1_000);
  expect(shownToBob()).toEqual(["first"]);
  return { ...{ here, there, store, pass, say, shownToBob } };
}

test("a message whose notice got lost unnoticed comes with the word that follows it", async () => {
  const { here, there, pass, say, shownToBob } = await twoNodes();
  here.backplane.isLossy = true;
  say("lost");
  await settled();
  here.backplane.isLossy = false;
  expect(here.channels.dropped).toBe(0);
  expect(shownToBob()).toEqual(["first"]);
  await pass(WORD_MS);
  expect(shownToBob()).toEqual(["first", "lost"]);
  expect([...here.faults, ...there.faults]).toEqual([]);
});

test("it comes also when the first word gets lost with it, and after the second one words end", async () => {
  const { here, pass, say, shownToBob } = await twoNodes();
  here.backplane.isLossy = true;
  say("lost");
  await pass(WORD_MS);
  here.backplane.isLossy = false;
  expect(shownToBob()).toEqual(["first"]);
  await pass(WORD_MS);
  expect(shownToBob()).toEqual(["first", "lost"]);
  await pass(WORD_MS);
  const { out } = here.backplane.counts;
  await pass(3 * WORD_MS);
  expect(here.backplane.counts.out).toBe(out);
});

test("whoever has been told everything reads nothing for a word", async () => {
  const { store, pass, say, shownToBob } = await twoNodes();
  say("second");
  await pass(1_000);
  expect(shownToBob()).toEqual(["first", "second"]);
  let reads = 0;
  const history = store.history.bind(store);
  store.history = (query): StoredMessage[] => {
    reads += 1;
    return history(query);
  };
  await pass(2 * WORD_MS);
  expect(reads).toBe(0);
});
