import type { LoadedSettings } from "../config.ts";
import { newUuid } from "../ids.ts";
import type { ProcessLog } from "../log.ts";
import { PortClaims } from "../server/port-claims.ts";
import { type CliContext, EXIT, type OpenHub } from "./context.ts";
import { watchProcess } from "./process-watch.ts";
import { Supervisor } from "./supervisor.ts";

/** Beyond what a process takes for its own stop at the most. */
const LAST_RESORT_MS = 2_000;

/**
 * Runs the server as several processes until a signal ends it, or no process can start any more;
 * resolves with the exit code.
 *
 * @param stopMs how long a process may take to stop
 */
export async function supervise(
  context: CliContext,
  { settings }: LoadedSettings,
  log: ProcessLog,
  stopMs: number,
): Promise<number> {
  const { children, clock } = context;
  // The processes share their ports, and would share them with strangers too.
  new PortClaims(settings).release();
  const folder = children.makeFolder();
  const nodeId = settings.node.id ?? newUuid().slice(-12);
  const supervisor = new Supervisor({
    ...{ count: settings.processes, children, clock, log, random: Math.random },
    restartMs: settings.supervisor.restartMs,
    placeOf(number, ports) {
      return { number, count: settings.processes, nodeId: `${nodeId}-${number}`, folder, ports };
    },
  });
  const leaving = () => {
    supervisor.kill();
    children.removeFolder(folder);
  };
  const watch = watchProcess(context.process, log, leaving);
  const stop = (reason: string) => {
    const late = clock.schedule(stopMs + LAST_RESORT_MS, () => supervisor.kill());
    return supervisor.stop(reason).finally(() => late.cancel());
  };
  const { pendingBytes } = settings.supervisor;
  let hub: OpenHub | null = null;
  try {
    hub = await children.openHub({ folder, pendingBytes, log });
    const started = supervisor.start();
    await Promise.race([started, watch.ended]);
    watch.ready();
    // A signal that came first has no addresses.
    const addresses = await Promise.race([started, Promise.resolve(null)]);
    if (addresses !== null) {
      const { url, tcpUrl, redirectUrl } = addresses;
      const { processes } = settings;
      log.info({ url, tcp: tcpUrl, redirect: redirectUrl, processes }, "Parley is ready");
    }
    const failure = supervisor.failed.then(() => null);
    const reason = await Promise.race([watch.ended, failure]);
    const inOrder = await stop(reason ?? "no process can start");
    return inOrder && reason !== null && !watch.failed() ? EXIT.ok : EXIT.refused;
  } catch (fault) {
    await stop("a process could not start");
    throw fault;
  } finally {
    hub?.close();
    children.removeFolder(folder);
    watch.close();
  }
}
