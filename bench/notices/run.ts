import type { Children } from "../children.ts";
import type { Scenario, Target } from "../load/job.ts";
import { runClient } from "../load/run.ts";
import { API_KEY, startParley } from "../load/server-process.ts";
import { sendToAway } from "./away.ts";
import { startPushService } from "./push-service.ts";
import { type NoticeSample, PROVIDERS, type Provider } from "./samples.ts";
import { newVapidKeys } from "./vapid.ts";

const ROUNDS = 9;

/** Each round by turns, so that a slow spell of the machine falls on all. */
export async function runNotices(quick: boolean, children: Children): Promise<NoticeSample[]> {
  const times = quick ? { warmUpSeconds: 2, seconds: 3 } : { warmUpSeconds: 4, seconds: 10 };
  const scenario = { scenario: "chat", pairs: 500, messagesPerSecond: 2_000, ...times } as const;
  const samples: NoticeSample[] = [];
  for (let round = 1; round <= (quick ? 1 : ROUNDS); round += 1) {
    const turn = PROVIDERS.map((_, at) => PROVIDERS[(at + round) % PROVIDERS.length] ?? "none");
    for (const provider of turn) {
      console.log(`── round ${round}, push ${provider}: ${JSON.stringify(scenario)}`);
      samples.push({ round, provider, ...(await runSample(scenario, provider, children)) });
    }
  }
  return samples;
}

async function runSample(
  scenario: Scenario,
  provider: Provider,
  children: Children,
): Promise<Omit<NoticeSample, "round" | "provider">> {
  const service = provider === "none" ? null : startPushService(provider);
  const settings = service === null ? {} : pushSettings();
  // Nobody is waited for after the start, as it is for users whose connections were lost with the last.
  const env = { ...settings, PARLEY_PRESENCE_GRACE_MS: "0" };
  const server = await startParley(children, { env });
  try {
    const { port, pid, complaints } = server;
    const away = await sendToAway(port, service?.url ?? null);
    const target: Target = { port, serverPid: pid, apiKey: API_KEY };
    const outcome = await runClient(scenario, target, children);
    await away.stop();
    const unexpected = complaints.filter((line) => !line.includes('"channel":"webpush"'));
    const pushes = service?.count ?? 0;
    return { scenario, ...outcome, complaints: unexpected, toAway: away.count, pushes };
  } finally {
    await server.stop();
    service?.stop();
  }
}

function pushSettings(): Record<string, string> {
  const { publicKey, privateKey } = newVapidKeys();
  return {
    PARLEY_WEBPUSH_PUBLIC_KEY: publicKey,
    PARLEY_WEBPUSH_PRIVATE_KEY: privateKey,
    PARLEY_WEBPUSH_SUBJECT: "mailto:bench@example.org",
    PARLEY_OUTBOUND_ALLOW: "127.0.0.1",
    PARLEY_NOTIFY_PUSH_INTERVAL_MS: "1000",
  };
}
