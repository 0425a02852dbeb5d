import { expect, test } from "bun:test";
import {
  CROWD,
  endOfTurn,
  GATHER_MS,
  gatheringHarness,
  never,
  TOPIC,
} from "../support/gathering-harness.ts";

test.each(["shared", "distinct"] as const)(
  "who listens twice gets each message by both subscriptions before the next: %s ids",
  async (ids) => {
    const { publish, crowd, subscribe, broker, clock } = gatheringHarness();
    const [peer = never(), other = never()] = crowd(CROWD, ids);
    const second = subscribe(peer, TOPIC, "second");
    const all = Array.from({ length: 10 }, (_, index) => `${index}`);
    for (const body of all) publish(body);
    await endOfTurn();
    const got = () =>
      peer.frames().map((frame) => `${frame.header("subscription")} ${frame.text()}`);
    expect(got()).toEqual(all.flatMap((body) => [`sub-0 ${body}`, `second ${body}`]));
    expect(other.frames().map((frame) => frame.text())).toEqual(all);

    broker.unsubscribe(second);
    peer.sent.length = 0;
    clock.advance(GATHER_MS);
    for (const body of all) publish(body);
    await endOfTurn();
    expect(got()).toEqual(all.map((body) => `sub-0 ${body}`));
  },
);
