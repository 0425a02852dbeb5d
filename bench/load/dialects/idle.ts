import { Crowd } from "./crowd.ts";
import type { Dialect } from "./dialect.ts";
import { rssBytesOfAll } from "./process-tree.ts";
import type { IdleWork, PeerJob, PeerOutcome } from "./work.ts";

const SETTLE_MS = 1_500;
const CHANNEL = "idle";

/** What a connection that is subscribed to a channel that all share adds to the server's memory. */
export async function runIdle(
  dialect: Dialect,
  { connections, warmUpConnections }: IdleWork,
  { port, serverPids }: PeerJob,
): Promise<PeerOutcome> {
  const crowd = new Crowd(dialect, port);
  const publisher = await crowd.outsider();
  const join = async (count: number): Promise<number> => {
    await crowd.join(
      count,
      () => CHANNEL,
      () => {},
    );
    await crowd.settled((probe) => publisher.publish(CHANNEL, probe));
    await Bun.sleep(SETTLE_MS);
    return rssBytesOfAll(serverPids);
  };
  const rssBytesBefore = await join(warmUpConnections);
  const rssBytesAfter = await join(connections);
  crowd.leave();
  publisher.close();
  const { faults } = crowd;
  return { measurements: [{ kind: "idle", connections, rssBytesBefore, rssBytesAfter }], faults };
}
