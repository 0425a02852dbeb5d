import { z } from "zod";
import { countLost, noFaults } from "../measurement.ts";
import { BusyLoop } from "./busy-loop.ts";
import type { CostWork } from "./cost.ts";
import { after } from "./frame-fields.ts";
import type { Target } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { StompClient } from "./stomp-client.ts";

const MESSAGES = 5_000;
const PAGE = 50;
const WRITER = "writer";
const READER = "reader";
const CONVERSATION = "long";
/** As many under way while the conversation is filled. */
const IN_FLIGHT = 500;
const SEQ = Buffer.from('"seq":');
const CONTENT = "x".repeat(128);

const pageSchema = z.object({ messages: z.array(z.object({ seq: z.number() })) });

/** Pages of a conversation's history, all over it by turns; each is looked at for its `seq`. */
export function historyWork(multiple: number, target: Target): CostWork {
  const messages = MESSAGES * multiple;
  const faults = noFaults();
  const times = new Latencies("request → page");
  const pages = messages / PAGE;
  let number = 0;
  const url = `http://127.0.0.1:${target.port}/api/conversations/${CONVERSATION}/messages`;
  const readPage = async () => {
    // A stride that meets all pages, far from each other.
    const first = ((number * 37) % pages) * PAGE;
    number += 1;
    const answer = await fetch(`${url}?after=${first}&limit=${PAGE}`, {
      headers: { "X-User-Id": READER },
    });
    if (!answer.ok) throw new Error(`The history was not read: ${await answer.text()}`);
    const page = pageSchema.parse(await answer.json());
    faults.lost += PAGE - page.messages.length;
    for (const [index, { seq }] of page.messages.entries()) {
      if (seq !== first + index + 1) faults.disordered += 1;
    }
  };
  return {
    what: `pages of ${PAGE} of ${messages.toLocaleString("en")} messages`,
    faults,
    latencies: [times],
    prepare: () => fill(messages, target, countLost(faults, WRITER)),
    async run(seconds) {
      const loop = new BusyLoop();
      const endMs = performance.now() + seconds * 1_000;
      let read = 0;
      let isDone = false;
      const readOn = async () => {
        while (performance.now() < endMs) {
          const startMs = performance.now();
          await readPage();
          times.record(performance.now() - startMs);
          loop.worked();
          read += 1;
        }
      };
      const reading = readOn().finally(() => {
        isDone = true;
      });
      const took = await loop.run(() => !isDone);
      await reading;
      return { messages: read, deliveries: read * PAGE, ...took };
    },
    close() {},
  };
}

/** All are on disk when this resolves. */
async function fill(count: number, target: Target, onLost: (reason: string) => void) {
  const stored = Promise.withResolvers<void>();
  let sent = 0;
  let confirmed = 0;
  const client = await StompClient.connect({
    ...{ port: target.port, userId: WRITER, heartBeat: "0,0", onLost },
    onMessage: (bytes, start, end) => {
      confirmed += 1;
      if (after(bytes, SEQ, start, end) === -1) {
        stored.reject(new Error(`The history was refused: ${bytes.toString("utf8", start, end)}`));
      } else if (sent < count) send();
      else if (confirmed === count) stored.resolve();
    },
  });
  const send = () => {
    sent += 1;
    const message = { conversationId: CONVERSATION, recipientId: READER, content: CONTENT };
    const body = JSON.stringify(message);
    client.send(`SEND\ndestination:/app/chat.send\n\n${body}\0`);
  };
  await client.subscribe({ c: "/user/queue/confirmations", e: "/user/queue/errors" });
  while (sent < IN_FLIGHT) send();
  await stored.promise;
  client.close();
}
