import { describe, expect, test } from "bun:test";
import {
  bodies,
  CROWD,
  endOfTurn,
  gatheringHarness,
  never,
  TOPIC,
} from "../support/gathering-harness.ts";

describe("where each subscriber has an id of its own", () => {
  test.each(["text", "binary", "sockjs"] as const)("each gets its own frames: %s", async (wire) => {
    const { publish, crowd } = gatheringHarness();
    const peers = crowd(300, "distinct", wire);
    const all = ["1", "", "drei", 'four: "4"\n', "5"];
    for (const body of all) publish(body);
    expect(peers.flatMap(bodies)).toEqual([]);
    await endOfTurn();
    for (const [index, peer] of peers.entries()) {
      expect(bodies(peer)).toEqual(all);
      const ids = peer.frames().map((frame) => frame.header("subscription"));
      expect(ids).toEqual(all.map(() => `sub-${index}`));
    }
  });

  test.each(["text", "binary", "sockjs"] as const)("and no text is mangled: %s", async (wire) => {
    const { publish, open, subscribe } = gatheringHarness();
    const ids = ["a", "b", "ä", "ö", "漢", "cd", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
    const peers = ids.map((id) => {
      const peer = open(wire);
      subscribe(peer, TOPIC, id, wire);
      return peer;
    });
    const all = ["1", "zwölf", "漢字 🙂", "4", "5"];
    for (const body of all) publish(body);
    await endOfTurn();
    for (const [index, peer] of peers.entries()) {
      expect(bodies(peer)).toEqual(all);
      expect(peer.last().header("subscription")).toBe(ids[index]);
    }
  });

  test("what is sent to one of them comes after what was published before", async () => {
    const { publish, crowd } = gatheringHarness();
    const [peer = never(), other = never()] = crowd(CROWD, "distinct");
    publish("1");
    peer.send("RECEIPT\nreceipt-id:1\n\n\0");
    expect(peer.commands()).toEqual(["MESSAGE", "RECEIPT"]);
    expect(bodies(other)).toEqual(["1"]);
  });

  test("what is not UTF-8 reaches text clients too", async () => {
    const { publish, crowd } = gatheringHarness();
    const peers = crowd(CROWD, "distinct");
    const all = ["1", new Uint8Array([0xff, 0, 0xfe]), "3", "4", "5"];
    for (const body of all) publish(body);
    await endOfTurn();
    for (const peer of peers) {
      const got = peer.frames().map(({ body }) => Buffer.from(body));
      expect(got).toEqual(all.map((body) => Buffer.from(body)));
    }
  });
});
