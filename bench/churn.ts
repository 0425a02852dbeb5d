/**
 * `npm run churn -- --minutes 60`: users, subscriptions and conversations come and go, and the
 * server's memory must not follow them. Prints RSS minute by minute, what lives in the server at the
 * half and at the end, and whether these are flat. `--speed 10` lets ten minutes pass in one.
 */
import { parseArgs } from "node:util";
import { Children } from "./children.ts";
import {
  inMiB,
  type LiveSample,
  type Sample,
  slopeBytesPerVisit,
  verdictOf,
} from "./churn-verdict.ts";
import type { LiveMemory } from "./load/memory-probe.ts";
import { ensureBinary } from "./load/server-process.ts";
import { cpuSecondsOf, rssBytesOf } from "./load/server-usage.ts";
import { StompClient } from "./load/stomp-client.ts";
import { startWatchedServer } from "./load/watched-server.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    "visits-per-second": { type: "string", default: "50" },
    speed: { type: "string", default: "1" },
  },
});
/** Of the visitors' time, of which `speed` minutes pass in one. */
const minutes = Number(values.minutes);
const visitsPerSecond = Number(values["visits-per-second"]);
const speed = Number(values.speed);
if (!(minutes > 0) || !(visitsPerSecond > 0) || !(speed > 0)) {
  console.error("bun bench/churn.ts [--minutes N] [--visits-per-second N] [--speed N]");
  process.exit(2);
}

const STAY_MS = 4_000 / speed;
const SAMPLE_MS = 10_000 / speed;
const LOOKS = 8;
/** What the server remembers of visitors for a while goes by the same clock; these are its defaults. */
const SERVER_TIMES = {
  PARLEY_PRESENCE_GRACE_MS: String(Math.round(5_000 / speed)),
  PARLEY_CHAT_TYPING_EXPIRY_MS: String(Math.max(100, Math.round(6_000 / speed))),
};

/** Visitors so far; each is a new user, but every fourth one has been there before. */
let visits = 0;
let failures = 0;

async function visit(port: number): Promise<void> {
  visits += 1;
  // Taken now: others come while this one waits.
  const place = visits;
  const number = place % 4 === 0 ? Math.max(1, place - 401) : place;
  const userId = `visitor-${number}`;
  const client = await StompClient.connect({
    port,
    userId,
    heartBeat: "10000,10000",
    onMessage: () => {},
    onLost: () => {
      failures += 1;
    },
  });
  await client.subscribe({
    messages: "/user/queue/messages",
    confirmations: "/user/queue/confirmations",
    receipts: "/user/queue/receipts",
    errors: "/user/queue/errors",
    presence: "/topic/presence",
    // A topic, a pattern and a work queue that nobody else will ever use.
    own: `/topic/room.${place}`,
    wide: `/topic/room.${place}.*`,
    jobs: `/queue/jobs.${place}`,
  });
  const sendTo = (destination: string, body: unknown) => {
    client.send(`SEND\ndestination:${destination}\n\n${JSON.stringify(body)}\0`);
  };
  // To somebody who is there still, or came by; and back to whoever is in the pair.
  for (const distance of [1, 60]) {
    const recipientId = `visitor-${Math.max(1, number - distance)}`;
    if (recipientId === userId) continue;
    const conversationId = `${recipientId}.${userId}.${place}`;
    const message = { conversationId, recipientId, content: "hello ".repeat(20) };
    sendTo("/app/chat.send", { ...message, clientMessageId: `m-${place}-${distance}` });
    sendTo(`/app/chat.typing/${conversationId}`, { isTyping: true });
  }
  sendTo(`/topic/room.${place}`, { hello: "room" });
  sendTo(`/queue/jobs.${place}`, { hello: "worker" });
  await Bun.sleep(STAY_MS * (0.5 + Math.random()));
  client.send("UNSUBSCRIBE\nid:own\n\n\0");
  if (place % 2 === 0) client.send("DISCONNECT\nreceipt:bye\n\n\0");
  client.close();
}

const children = new Children();
process.on("SIGINT", () => void children.endAll().then(() => process.exit(130)));
process.on("SIGTERM", () => void children.endAll().then(() => process.exit(143)));

await ensureBinary(children);
const server = await startWatchedServer(children, SERVER_TIMES);
const startMs = performance.now();
const elapsedMs = () => (performance.now() - startMs) * speed;
const samples: Sample[] = [];
const live: LiveSample[] = [];

const takeSample = () => {
  const rssBytes = rssBytesOf(server.pid);
  samples.push({ visits, rssBytes });
  if (samples.length % 6 !== 1) return;
  const minute = (elapsedMs() / 60_000).toFixed(0).padStart(3);
  const cpu = cpuSecondsOf(server.pid).toFixed(1);
  console.log(`${minute} min  ${inMiB(rssBytes).padStart(6)} MiB  ${visits} visits  ${cpu} s CPU`);
};
/**
 * While visitors come and go, at the end as at the half. What is under way just then makes it more: of
 * some looks, one visitor's stay apart, the least counts.
 */
const seeWhatLives = async () => {
  const looks: LiveMemory[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    looks.push(await server.liveMemory());
    await Bun.sleep(STAY_MS);
  }
  const heap = Math.min(...looks.map((each) => each.heap));
  const native = Math.min(...looks.map((each) => each.native));
  live.push({ visits, liveBytes: heap + native });
  console.log(
    `${visits} visits: ${inMiB(heap)} MiB of objects live, and ${inMiB(native)} MiB of all else`,
  );
};
takeSample();
const sampler = setInterval(takeSample, SAMPLE_MS);
const arrivals = setInterval(() => {
  const due = Math.floor((elapsedMs() / 1_000) * visitsPerSecond) - visits;
  for (let count = 0; count < due; count += 1) {
    visit(server.port).catch((fault: unknown) => {
      failures += 1;
      if (failures === 1) console.error(fault);
    });
  }
}, 20 / speed);

const halfMs = (minutes * 60_000) / speed / 2;
await Bun.sleep(halfMs);
await seeWhatLives();
await Bun.sleep(halfMs);
clearInterval(sampler);
takeSample();
await seeWhatLives();
clearInterval(arrivals);
await Bun.sleep(2 * STAY_MS);
await server.stop();

const verdict = verdictOf(samples, live);
console.log(
  `${visits} visits, ${failures} failures; in the second half ${slopeBytesPerVisit(samples).toFixed(0)} bytes a visit: ${verdict.text}`,
);
for (const complaint of server.complaints) console.error(complaint);
process.exit(verdict.isFlat && failures === 0 ? 0 : 1);
