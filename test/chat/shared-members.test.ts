import { describe, expect, test } from "bun:test";
import { SYSTEM } from "../../src/chat/actor.ts";
import { createGroup } from "../support/chat-harness.ts";
import { ChatNodes } from "../support/chat-nodes.ts";

/** A group of Alice, Cid and Bob, which both nodes know. */
async function setUp() {
  const nodes = new ChatNodes(2);
  const [here, there] = [nodes.at(0), nodes.at(1)];
  await createGroup(here.chat, "g", ["alice", "cid", "bob"]);
  await nodes.quiet();
  await there.chat.conversations.find("g");
  const members = () =>
    nodes.all.map(({ chat }) => [...(chat.conversations.peek("g")?.members.keys() ?? [])]);
  return { nodes, here, there, members };
}

describe("a node that hears at once that a member was removed and added again", () => {
  async function cidComesBack() {
    const group = await setUp();
    const { nodes, here, there } = group;
    await there.connect("alice");
    there.harness.send("alice", { conversationId: "g", content: "for who is there" });
    await nodes.quiet();
    there.cutOff();
    await here.chat.membership.remove(SYSTEM, "g", "cid");
    await here.chat.membership.add(SYSTEM, "g", "cid");
    await nodes.quiet();
    return group;
  }

  test("tells nobody that they have received and read what was said while they were none", async () => {
    const { nodes, there } = await cidComesBack();
    const { outlet } = there.harness;
    expect(outlet.bodies("receipt", "alice")).toEqual([]);
    const delivered = outlet
      .bodies("confirmation", "alice")
      .filter(({ status }) => status === "DELIVERED");
    expect(delivered).toEqual([]);
    expect(nodes.faults()).toEqual([]);
  });

  test("takes them for one who left, and for one who joined", async () => {
    const { here, there, members } = await cidComesBack();
    const { outlet } = there.harness;
    const told = outlet.told.filter(({ to, kind }) => to === "cid" && kind !== "message");
    // That they are a member may be told more than once.
    expect(told.map(({ kind }) => kind).slice(-2)).toEqual(["left", "joined"]);
    const joinedSeq = ({ chat }: typeof here) =>
      chat.conversations.peek("g")?.members.get("cid")?.joinedSeq;
    expect(joinedSeq(there)).toBe(joinedSeq(here));
    expect(members()).toEqual([
      ["alice", "bob", "cid"],
      ["alice", "bob", "cid"],
    ]);
  });
});
