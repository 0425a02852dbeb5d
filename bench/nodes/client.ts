/**
 * The users of an installation, a process of its own: `bun bench/nodes/client.ts '{"installation": …}'`.
 * It hands what it measured to the process that started it.
 */
import { Chat, COMPLETE } from "../load/chat-pairs.ts";
import { Groups } from "../load/groups.ts";
import type { Latencies } from "../load/latencies.ts";
import { runCrowd } from "./crowd.ts";
import {
  type GroupsWork,
  jobSchema,
  type NodesResult,
  type PairsWork,
  type ReadingsWork,
} from "./job.ts";
import { runOthers } from "./others.ts";
import { nodeOfMember, nodeOfPartner } from "./placement.ts";
import { Readings } from "./readings.ts";
import { type PhaseWork, UsageMeter } from "./usage.ts";

/** So many times as many messages to groups come before those that are measured: at their pace code stays cold. */
const WARM_UP_FACTOR = 4;
/** After so long it is looked how many messages it has been by now. */
const WARM_UP_SLICE_SECONDS = 1;
/** How long something unexpected may follow what was expected. */
const AFTERMATH_MS = 200;

process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.

const { installation, placement, work } = jobSchema.parse(JSON.parse(process.argv[2] ?? "null"));
const { nodes, apiKey } = installation;
const [first] = nodes;
if (first === undefined) throw new TypeError("An installation has nodes");
const target = { port: first.port, serverPid: first.pid, apiKey };
const meter = new UsageMeter(installation);

async function run(): Promise<NodesResult> {
  switch (work.kind) {
    case "pairs":
      return runPairs(work);
    case "readings":
      return runReadings(work);
    case "groups":
      return runGroups(work);
    case "crowd":
      return runCrowd(work, nodes, meter);
    case "others":
      return runOthers(work, installation, meter);
  }
}

async function runPairs(pairs: PairsWork): Promise<NodesResult> {
  const { messagesPerSecond, seconds } = pairs;
  const inFlight = pairs.inFlightOfNode * nodes.length;
  const chat = new Chat(pairs.pairsOfNode * nodes.length, COMPLETE, target);
  await chat.connect((user) => portOf(nodeOfPartner(user, nodes.length, placement)));
  const counted = async (exchange: ReturnType<Chat["exchange"]>) => {
    const refusedBefore = chat.faults.refused;
    const { count, ...took } = await exchange;
    const messages = count - (chat.faults.refused - refusedBefore);
    return workOf({ messages, deliveries: messages, ...took }, chat.latencies);
  };
  const warmUp = pairs.warmUpMessagesOfNode * nodes.length;
  for (let sent = 0; sent < warmUp; ) {
    const { count } = await chat.closedLoop(inFlight, WARM_UP_SLICE_SECONDS);
    sent += count;
  }
  await meter.settled();
  chat.forgetTimes();
  const full = await meter.measure({ work: "full", size: pairs.inFlightOfNode }, async () => {
    const work = await counted(chat.closedLoop(inFlight, seconds));
    await meter.settled();
    return work;
  });
  await chat.exchange(messagesPerSecond, 1);
  chat.forgetTimes();
  const paced = await meter.measure({ work: "paced", size: messagesPerSecond }, () =>
    counted(chat.exchange(messagesPerSecond, seconds)),
  );
  await Bun.sleep(AFTERMATH_MS);
  chat.close();
  return { phases: [full, paced], faults: chat.faults };
}

async function runReadings(reading: ReadingsWork): Promise<NodesResult> {
  const { pairs, readingsPerSecond, warmUpSeconds, seconds } = reading;
  const readings = new Readings(pairs);
  await readings.connect((user) => portOf(nodeOfPartner(user, nodes.length, placement)));
  await readings.write(Math.ceil((readingsPerSecond * (warmUpSeconds + seconds)) / pairs));
  await readings.read(readingsPerSecond, warmUpSeconds);
  for (const latencies of readings.latencies) latencies.reset();
  const phase = await meter.measure({ work: "readings", size: readingsPerSecond }, async () =>
    workOf(await readings.read(readingsPerSecond, seconds), readings.latencies),
  );
  readings.close();
  return { phases: [phase], faults: readings.faults };
}

async function runGroups(groups: GroupsWork): Promise<NodesResult> {
  const crowd = new Groups(groups, target, nodes.length > 1);
  await crowd.connect((user) => portOf(nodeOfMember(user, nodes.length, placement)));
  await crowd.exchange(groups.warmUpSeconds, WARM_UP_FACTOR * groups.messagesPerSecond);
  for (const latencies of crowd.latencies) latencies.reset();
  const phase = await meter.measure({ work: "groups", size: groups.members }, async () => {
    const repeatedBefore = crowd.repeated;
    const work = workOf(await crowd.exchange(groups.seconds), crowd.latencies);
    return { ...work, repeated: crowd.repeated - repeatedBefore };
  });
  await Bun.sleep(AFTERMATH_MS);
  crowd.close();
  return { phases: [phase], faults: crowd.faults };
}

function portOf(node: number): number {
  return nodes[node]?.port ?? target.port;
}

function workOf(
  done: Awaited<ReturnType<Groups["exchange"]>>,
  latencies: readonly Latencies[],
): PhaseWork {
  const { messages, deliveries, wallMs, cpuMs } = done;
  return {
    seconds: wallMs / 1_000,
    count: messages,
    deliveries,
    repeated: 0,
    latencies: latencies.map((each) => each.summary()),
    clientCpuSeconds: cpuMs / 1_000,
  };
}

const result = await run();
await meter[Symbol.asyncDispose]();
process.send?.(result, undefined, undefined, () => process.exit());
