import { expect, test } from "bun:test";
import fc from "fast-check";
import { Outgoing } from "../../src/broker/outgoing.ts";
import type { Subscription } from "../../src/broker/subscription.ts";
import { endOfTurn, GATHER_MS, gatheringHarness, never } from "../support/gathering-harness.ts";

type Command =
  | { readonly do: "publish"; readonly topic: string; readonly size: number }
  | { readonly do: "publish to others" | "send" | "look" | "close"; readonly peer: number }
  | { readonly do: "subscribe"; readonly peer: number; readonly topic: string; readonly id: string }
  | { readonly do: "unsubscribe"; readonly which: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "end of turn" };

const PEERS = 20;
const TOPICS = ["/topic/shared", "/topic/own.1", "/topic/small", "/topic/own.2"];
const PATTERN = "/topic/own.*";

const peerIndex = fc.nat(PEERS - 1);
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      topic: fc.constantFrom(...TOPICS),
      size: fc.constantFrom(0, 1, 10, 100, 8 * 1024, 8 * 1024 + 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("publish to others" as const, "send" as const, "look" as const),
      peer: peerIndex,
    }),
  },
  fc.record({ do: fc.constant("close" as const), peer: peerIndex }),
  fc.record({
    do: fc.constant("subscribe" as const),
    peer: peerIndex,
    topic: fc.constantFrom(...TOPICS, PATTERN),
    id: fc.constantFrom("x", "y"),
  }),
  fc.record({ do: fc.constant("unsubscribe" as const), which: fc.nat(60) }),
  { weight: 8, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(5) }) },
  fc.record({ do: fc.constant("end of turn" as const) }),
);

test("whatever happens, each connection gets what it would get without gathering, in that order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 120 }), async (commands) => {
      const gathered = run(commands, "gathering");
      const plain = run(commands, "at once");
      expect(await gathered).toEqual(await plain);
    }),
    { numRuns: 300 },
  );
});

/** What each peer got, and how much it had when somebody looked. */
async function run(commands: readonly Command[], how: "gathering" | "at once") {
  const { clock, broker, open, subscribe, publish } = gatheringHarness();
  const peers = Array.from({ length: PEERS }, () => open());
  const looks: number[] = [];
  const subscriptions: Subscription[] = [];
  for (const [index, peer] of peers.entries()) {
    subscriptions.push(subscribe(peer, "/topic/shared"));
    subscriptions.push(subscribe(peer, "/topic/own.1", `sub-${index}`));
    subscriptions.push(subscribe(peer, PATTERN, `pattern-${index}`));
  }
  for (const peer of peers.slice(0, 3))
    subscriptions.push(subscribe(peer, "/topic/small", "small"));
  let numbers = 0;
  const nextNumber = () => {
    numbers += 1;
    return numbers;
  };
  const nextBody = (size: number) =>
    `${nextNumber()} ${"x".repeat(size)}`.slice(0, Math.max(6, size));
  const apply = (command: Command): void => {
    switch (command.do) {
      case "publish":
        publish(nextBody(command.size), command.topic);
        break;
      case "publish to others":
        broker.deliver(
          "/topic/shared",
          new Outgoing("m", nextBody(6), []),
          peers[command.peer] ?? null,
        );
        break;
      case "send":
        peers[command.peer]?.send(`RECEIPT\nreceipt-id:${nextNumber()}\n\n\0`);
        break;
      case "look":
        looks.push(peers[command.peer]?.bufferedBytes() ?? 0);
        break;
      case "close":
        peers[command.peer]?.close(1000, "");
        break;
      case "subscribe":
        subscriptions.push(subscribe(peers[command.peer] ?? never(), command.topic, command.id));
        break;
      case "unsubscribe":
        for (const gone of subscriptions.splice(command.which, 1)) broker.unsubscribe(gone);
        break;
      case "wait":
        clock.advance(command.ms);
        break;
      case "end of turn":
        break;
    }
  };
  for (const command of commands) {
    apply(command);
    if (command.do === "end of turn") await endOfTurn();
    if (how === "at once") for (const peer of peers) broker.release(peer);
  }
  await endOfTurn();
  clock.advance(GATHER_MS);
  return { looks, sent: peers.map((peer) => peer.sent) };
}
