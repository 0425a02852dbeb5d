import { afterEach, describe, expect, test } from "bun:test";
import type { Backplane } from "../../src/broker/backplane.ts";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import { BackplaneRecorder } from "../support/backplane-recorder.ts";

/** What every backplane that reaches other nodes does. `node` makes one, not yet started. */
export function describeBackplane(name: string, node: (nodeId: string) => Backplane): void {
  describe(`${name} as a backplane`, () => {
    const started: BackplaneRecorder[] = [];
    const start = async (...ids: readonly string[]): Promise<BackplaneRecorder[]> => {
      const recorders = ids.map((id) => new BackplaneRecorder(node(id)));
      started.push(...recorders);
      for (const recorder of recorders) await recorder.connected();
      return recorders;
    };
    const pair = async () => {
      const [a, b] = await start("a", "b");
      if (a === undefined || b === undefined) throw new TypeError("no nodes");
      return { a, b };
    };
    afterEach(async () => {
      for (const { backplane } of started.splice(0)) await backplane.close();
    });

    test("a payload reaches all other nodes that listen, and not its own", async () => {
      const [a, b, c] = await start("a", "b", "c");
      for (const each of [a, b, c]) each?.backplane.subscribe("/topic/x");
      if (a === undefined || b === undefined || c === undefined) throw new TypeError("no nodes");
      await b.hears(a.backplane, "/topic/x");
      await c.hears(a.backplane, "/topic/x");
      await a.hears(b.backplane, "/topic/x");
      a.backplane.publish("/topic/x", Buffer.from("from a"));
      b.backplane.publish("/topic/x", Buffer.from("from b"));
      const fromBoth = ({ messages }: BackplaneRecorder) => messages.length >= 2;
      await c.until(() => fromBoth(c));
      for (const each of [a, b]) await each.until(() => each.messages.length >= 1);
      expect(c.messages.toSorted()).toEqual(["a /topic/x from a", "b /topic/x from b"]);
      expect(a.messages).toEqual(["b /topic/x from b"]);
      expect(b.messages).toEqual(["a /topic/x from a"]);
    });

    test("payloads are bytes, in order, each once", async () => {
      const { a, b } = await pair();
      b.backplane.subscribe("/topic/Grüße *?[]\\^");
      await b.hears(a.backplane, "/topic/Grüße *?[]\\^");
      const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      a.backplane.publish("/topic/Grüße *?[]\\^", all);
      a.backplane.publish("/topic/Grüße *?[]\\^", new Uint8Array());
      for (let count = 0; count < 2_000; count += 1) {
        a.backplane.publish("/topic/Grüße *?[]\\^", Buffer.from(String(count)));
        if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await b.until(() => b.messages.length >= 2_002);
      const head = "a /topic/Grüße *?[]\\^ ";
      expect(b.messages.slice(2)).toEqual(
        Array.from({ length: 2_000 }, (_, count) => `${head}${count}`),
      );
      expect(b.messages[0]?.length).toBe(head.length + 256);
      expect(b.messages[1]).toBe(head);
    });

    test("what is published after a subscription is said to be in effect arrives", async () => {
      const { a, b } = await pair();
      for (let round = 1; round <= 20; round += 1) {
        const channel = `/topic/effect/${round % 3}`;
        const before = b.subscriptions.length;
        b.backplane.subscribe(channel);
        await b.until(() => b.subscriptions.indexOf(channel, before) !== -1);
        a.backplane.publish(channel, Buffer.from(String(round)));
        await b.until(() => b.messages.includes(`a ${channel} ${round}`));
        b.backplane.unsubscribe(channel);
        if (round % 2 === 0) continue; // Subscribed to again while the end of it is on its way.
        b.backplane.subscribe(channel);
        await b.until(() => b.subscriptions.indexOf(channel, before + 1) !== -1);
        b.backplane.unsubscribe(channel);
      }
    });

    test("whoever waits until a channel is heard is let go, also where it was listened to before", async () => {
      const channels = new NodeChannels(node("a"), () => {});
      try {
        channels.start();
        const other = new BackplaneRecorder(node("b"));
        started.push(other);
        await other.connected();
        await channels.subscribe("/topic/early");
        other.backplane.subscribe("/topic/x");
        await other.hears(channels.backplane, "/topic/x");
        for (let round = 1; round <= 6; round += 1) {
          await channels.subscribe("/topic/again");
          channels.unsubscribe("/topic/again");
          // In the same turn, and when all that follows from it is done.
          if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        await channels.backplane.close();
      }
    });

    test("a prefix is a prefix, whatever is in it; what several cover comes once", async () => {
      const { a, b } = await pair();
      const names = ["/topic/a*[x]\\", "/topic/a*[x]\\.b", "/topic/axx", "/topic/a"];
      b.backplane.subscribePrefix("/topic/a*[x]\\");
      b.backplane.subscribePrefix("/topic/a*");
      b.backplane.subscribe("/topic/a*[x]\\.b");
      b.backplane.subscribe("/topic/end");
      await b.hears(a.backplane, "/topic/end");
      await b.hears(a.backplane, "/topic/a*[x]\\");
      await b.hears(a.backplane, "/topic/a*.");
      for (const name of names) a.backplane.publish(name, Buffer.from("1"));
      await b.until(() => b.messages.length >= 2);
      for (const name of ["/topic/a*[x]\\", "/topic/a*[x]\\.b", "/topic/end"]) {
        await b.hears(a.backplane, name);
      }
      expect(b.messages.toSorted()).toEqual(["a /topic/a*[x]\\ 1", "a /topic/a*[x]\\.b 1"]);
    });

    test("what is no longer listened to comes no more; to listen again is possible at once", async () => {
      const { a, b } = await pair();
      b.backplane.subscribe("/topic/x");
      b.backplane.subscribePrefix("/topic/p");
      b.backplane.subscribe("/topic/end");
      for (const name of ["/topic/x", "/topic/p1", "/topic/end"]) await b.hears(a.backplane, name);
      for (let count = 0; count < 5; count += 1) {
        b.backplane.unsubscribe("/topic/x");
        b.backplane.unsubscribe("/topic/x");
        b.backplane.subscribe("/topic/x");
        await new Promise((resolve) => setImmediate(resolve));
      }
      await b.hears(a.backplane, "/topic/x");
      b.backplane.unsubscribe("/topic/x");
      b.backplane.unsubscribePrefix("/topic/p");
      b.backplane.subscribe("/topic/later");
      await b.hears(a.backplane, "/topic/later");
      a.backplane.publish("/topic/x", Buffer.from("1"));
      a.backplane.publish("/topic/p1", Buffer.from("1"));
      a.backplane.publish("/topic/end", Buffer.from("1"));
      await b.until(() => b.messages.length > 0);
      expect(b.messages).toEqual(["a /topic/end 1"]);
    });

    test("a great many channels are listened to", async () => {
      const { a, b } = await pair();
      for (let count = 0; count < 3_000; count += 1) b.backplane.subscribe(`/topic/many/${count}`);
      await b.hears(a.backplane, "/topic/many/2999");
      for (const count of [0, 511, 512, 2_999]) {
        a.backplane.publish(`/topic/many/${count}`, Buffer.from("1"));
      }
      await b.until(() => b.messages.length >= 4);
      expect(b.messages.toSorted()).toEqual(
        [0, 2_999, 511, 512].map((count) => `a /topic/many/${count} 1`),
      );
    });

    test("what goes out and comes in is counted", async () => {
      const { a, b } = await pair();
      b.backplane.subscribe("/topic/x");
      await b.hears(a.backplane, "/topic/x");
      const [out, into] = [a.backplane.counts.out, b.backplane.counts.in];
      for (let count = 0; count < 10; count += 1) a.backplane.publish("/topic/x", Buffer.from("1"));
      await b.until(() => b.messages.length >= 10);
      expect(b.backplane.counts.in - into).toBe(10);
      await a.backplane.close();
      expect(a.backplane.counts.out - out).toBeGreaterThanOrEqual(10);
      expect(a.backplane.counts.dropped).toBe(0);
    });

    test("what was published just before the close has gone out, and is counted when that is done", async () => {
      const { a } = await pair();
      const before = { ...a.backplane.counts };
      a.backplane.publish("/topic/x", Buffer.from("last"));
      await a.backplane.close();
      expect(a.backplane.counts).toEqual({ ...before, out: before.out + 1 });
    });

    test("closed it tells nothing, and publishing does no harm", async () => {
      const { a, b } = await pair();
      b.backplane.subscribe("/topic/x");
      await b.hears(a.backplane, "/topic/x");
      await b.backplane.close();
      a.backplane.publish("/topic/x", Buffer.from("1"));
      await a.backplane.close();
      a.backplane.publish("/topic/x", Buffer.from("2"));
      a.backplane.subscribe("/topic/y");
      expect([b.messages, a.backplane.isConnected]).toEqual([[], false]);
      expect(a.backplane.counts.dropped).toBe(1);
    });
  });
}
