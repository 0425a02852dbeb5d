import { beforeEach, describe, expect, test } from "bun:test";
import { Track } from "./load/track.ts";

let track: Track;

beforeEach(() => {
  track = new Track();
  track.begin(true);
  track.raiseTo(0);
});

function see(...messages: readonly (readonly [seq: number, id: string])[]): void {
  for (const [seq, id] of messages) track.see(seq, id);
}

describe("a device's position", () => {
  test("is the last message up to which it has everything", () => {
    see([1, "a"], [2, "b"], [4, "d"]);
    expect(track.cursor).toEqual({ seq: 2, id: "b" });
    see([3, "c"]);
    expect(track.cursor).toEqual({ seq: 4, id: "d" });
  });

  test("goes back to where the server took a seq anew", () => {
    see([1, "a"], [2, "b"], [3, "c"], [2, "B"]);
    expect(track.cursor).toEqual({ seq: 2, id: "B" });
  });

  test("grows by what follows it, before SYNCED has come", () => {
    see([1, "a"]);
    track.begin(true);
    track.receive(2, "b");
    track.receive(4, "d");
    expect(track.cursor).toEqual({ seq: 2, id: "b" });
    track.begin(true);
    track.receive(3, "c");
    expect(track.cursor).toEqual({ seq: 3, id: "c" });
  });

  test("does not grow by a confirmation then", () => {
    see([1, "a"], [2, "lost"], [3, "lost too"]);
    track.begin(true);
    // One's own, in the place of the last; of the one before, nobody has said anything.
    see([3, "c"]);
    expect(track.cursor).toEqual({ seq: 3, id: "lost too" });
    track.begin(true);
    expect(track.cursor).toEqual({ seq: 3, id: "lost too" });
    track.forget(); // SYNCED: resync.
    expect(track.cursor).toEqual({ seq: 0, id: null });
    see([1, "a"], [2, "b"], [3, "c"]);
    expect(track.cursor).toEqual({ seq: 3, id: "c" });
  });

  test("counts at once for a device that says nothing of itself", () => {
    track.begin(false);
    see([1, "a"]);
    expect(track.cursor).toEqual({ seq: 1, id: "a" });
  });
});
