import type { LoadMeasurement, Outcome } from "../measurement.ts";
import { Chat, COMPLETE, type Exchange, RECEIVED } from "./chat-pairs.ts";
import type { ChatLoopScenario, ChatScenario, Target } from "./job.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";

/** How long something unexpected may follow what was expected. */
const AFTERMATH_MS = 200;

/**
 * Pairs of users who write to each other at a rate that does not wait for the server: each message
 * has a time at which it is due, and all times count from there, so that a stall is paid for by
 * every message that it holds up (no coordinated omission).
 */
export async function runChat(scenario: ChatScenario, target: Target): Promise<Outcome> {
  const { pairs, messagesPerSecond } = scenario;
  const chat = new Chat(pairs, COMPLETE, target);
  return measured(
    `1:1 chat, ${messagesPerSecond.toLocaleString("en")}/s`,
    chat,
    (seconds) => chat.exchange(messagesPerSecond, seconds),
    scenario,
    target,
  );
}

/** Each message that is complete lets the next one go: how many the server can take. */
export async function runChatLoop(scenario: ChatLoopScenario, target: Target): Promise<Outcome> {
  const { pairs, inFlight, hasConfirmations } = scenario;
  const chat = new Chat(pairs, hasConfirmations ? COMPLETE : RECEIVED, target);
  return measured(
    `1:1, closed loop, W=${inFlight}`,
    chat,
    (seconds) => chat.closedLoop(inFlight, seconds),
    scenario,
    target,
  );
}

async function measured(
  name: string,
  chat: Chat,
  exchange: (seconds: number) => Promise<Exchange>,
  times: { readonly warmUpSeconds: number; readonly seconds: number },
  target: Target,
): Promise<Outcome> {
  await chat.connect();
  await exchange(times.warmUpSeconds);
  chat.forgetTimes();
  const cpuBefore = cpuSecondsOf(target.serverPid);
  const refusedBefore = chat.faults.refused;
  const { count, wallMs, cpuMs } = await exchange(times.seconds);
  const taken = count - (chat.faults.refused - refusedBefore);
  const serverCpuSeconds = cpuSecondsOf(target.serverPid) - cpuBefore;
  const serverRssBytes = rssBytesOf(target.serverPid);
  await Bun.sleep(AFTERMATH_MS);
  chat.close();
  const measurement: LoadMeasurement = {
    kind: "load",
    name,
    seconds: wallMs / 1_000,
    messages: taken,
    deliveries: taken,
    latencies: chat.latencies.map((latencies) => latencies.summary()),
    serverCpuSeconds,
    serverRssBytes,
    clientCpuSeconds: cpuMs / 1_000,
  };
  return { measurements: [measurement], faults: chat.faults };
}
