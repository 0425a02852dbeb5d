import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeNodeMessage,
  encodeNodeMessage,
  type NodeMessage,
} from "../../src/nodes/node-messages.ts";

const text = fc.string({ unit: "binary", maxLength: 300 });
const number = fc.maxSafeNat();
const change = fc.oneof(
  fc.record({ userId: text, leftMs: number }),
  fc
    .record({
      userId: text,
      name: fc.option(text),
      status: fc.constantFrom("ONLINE", "AWAY", "OFFLINE"),
      saidMs: fc.oneof(fc.constant(0), number),
    })
    .map(({ name, ...rest }) => ({ ...rest, name: name ?? rest.userId })),
);
const changes = fc.array(change, { maxLength: 20 });
const settings = fc.array(fc.tuple(text, number), { maxLength: 5 }).map((all) => new Map(all));

const message: fc.Arbitrary<NodeMessage> = fc.oneof(
  fc.record({
    ...{ kind: fc.constant("beat"), run: text, isHello: fc.boolean(), version: text },
    ...{ isLeader: fc.boolean() },
    ...{ startedMs: number, connections: number, users: number, spoken: number, settings },
  }),
  fc.record({ kind: fc.constant("goodbye"), run: text }),
  fc.record({ kind: fc.constant("changes"), run: text, number, changes }),
  fc.record({ kind: fc.constant("request"), run: text, request: number }),
  fc.record({
    ...{ kind: fc.constant("portion"), run: text, request: number, index: number },
    ...{ isLast: fc.boolean(), spoken: number, changes },
  }),
);

test("a message is read as it was written", () => {
  fc.assert(
    fc.property(message, (written) => {
      expect(decodeNodeMessage(encodeNodeMessage(written))).toEqual(written);
    }),
  );
});

test("what is none, or of another version, is none, whatever it is", () => {
  const beat = encodeNodeMessage({ kind: "goodbye", run: "r" });
  expect(decodeNodeMessage(Uint8Array.from([2, ...beat.slice(1)]))).toBeNull();
  expect(decodeNodeMessage(Uint8Array.from([...beat, 0]))).toBeNull();
  expect(decodeNodeMessage(beat.slice(0, -1))).toBeNull();
  expect(decodeNodeMessage(new Uint8Array())).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const read = decodeNodeMessage(bytes);
      if (read !== null) expect(decodeNodeMessage(encodeNodeMessage(read))).toEqual(read);
    }),
  );
});

test("of a user whose name is their id, and who said nothing, an id and two octets are said", () => {
  const user = { userId: "u-1234", name: "u-1234", status: "ONLINE", saidMs: 0 } as const;
  const none = encodeNodeMessage({ kind: "changes", run: "r", number: 1, changes: [] });
  const one = encodeNodeMessage({ kind: "changes", run: "r", number: 1, changes: [user] });
  expect(one.length - none.length).toBe(user.userId.length + 2);
});
