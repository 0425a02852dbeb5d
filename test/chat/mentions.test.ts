import { expect, test } from "bun:test";
import { chatHarness, createGroup } from "../support/chat-harness.ts";
import { HeldStore, settled } from "../support/held-store.ts";

test("a message names members, each once, and nobody else", async () => {
  const { chat, outlet, send } = chatHarness(HeldStore.inMemory().store);
  await createGroup(chat, "g1", ["alice", "bob", "carol"]);
  const mentionsOf = async (...mentions: string[]) => {
    send("alice", { conversationId: "g1", content: "look", mentions });
    await settled();
    return outlet.bodies("message", "bob").at(-1)?.mentions;
  };
  expect(await mentionsOf("bob", "mallory", "carol", "bob")).toEqual(["bob", "carol"]);
  expect(await mentionsOf("mallory")).toBeUndefined();
  expect(await mentionsOf()).toBeUndefined();
});
