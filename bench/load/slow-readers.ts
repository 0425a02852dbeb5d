import type { LoadMeasurement, Outcome } from "../measurement.ts";
import { FanOut, TOPIC } from "./fan-out.ts";
import type { SlowReadersScenario, Target } from "./job.ts";
import { rssBytesOf } from "./server-usage.ts";
import { connectMany, StompClient } from "./stomp-client.ts";

const SAMPLE_MS = 50;
/** In which a connection that the server has cut off shows to be so. */
const AFTERMATH_MS = 1_000;

/**
 * The same paced fan-out twice: first among those who read, then beside some who have stopped. What
 * the server holds for these shows in its memory, the largest of the phase; that it cuts them off is
 * expected, and that the others notice is not.
 */
export async function runSlowReaders(
  scenario: SlowReadersScenario,
  target: Target,
): Promise<Outcome> {
  const { slow, publishesPerSecond, warmUpSeconds, seconds } = scenario;
  const fanOut = new FanOut({ ...scenario, subscriptionIds: "shared", wires: "text" }, target);
  await fanOut.connect();
  await fanOut.paced(publishesPerSecond, warmUpSeconds);
  const paced = async (name: string): Promise<LoadMeasurement> => {
    let largest = 0;
    const sample = () => {
      largest = Math.max(largest, rssBytesOf(target.serverPid));
    };
    const timer = setInterval(sample, SAMPLE_MS);
    const measurement = await fanOut.paced(publishesPerSecond, seconds);
    sample();
    clearInterval(timer);
    return { ...measurement, name, serverRssBytes: largest };
  };
  const without = await paced(`slow readers, none beside ${scenario.subscribers}`);
  let cutOff = 0;
  const clients = await connectMany(slow, async (reader) => {
    const client = await StompClient.connect({
      ...{ port: target.port, userId: `slow-${reader}`, heartBeat: "0,0" },
      onMessage: () => {},
      onError: () => {},
      onLost: () => {
        cutOff += 1;
      },
    });
    await client.subscribe({ "sub-0": TOPIC });
    return client;
  });
  for (const client of clients) client.pause();
  const beside = await paced(`slow readers, ${slow} beside ${scenario.subscribers}`);
  for (const client of clients) client.resume();
  await Bun.sleep(AFTERMATH_MS);
  for (const client of clients) client.close();
  fanOut.close();
  console.log(`${cutOff} of ${slow} slow readers were cut off`);
  return { measurements: [without, { ...beside, cutOff }], faults: fanOut.faults };
}
