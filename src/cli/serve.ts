import {
  checkStartAllowed,
  exposedHost,
  type LoadedSettings,
  type Settings,
  startWarnings,
} from "../config.ts";
import { createLog, type ProcessLog } from "../log.ts";
import type { ProcessPlace } from "../process-place.ts";
import { type CliContext, EXIT, type RunningServer } from "./context.ts";
import { watchProcess } from "./process-watch.ts";

const LAST_RESORT_MS = 5_000;

/**
 * Runs the server until a signal or a fault ends it; resolves with the exit code. Where it is to be
 * several processes this one becomes their parent, or is one of them.
 */
export async function serve(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { parent } = context;
  const place = parent?.place ?? null;
  const settings = place === null ? loaded.settings : settingsAt(place, loaded.settings);
  checkStartAllowed(settings);
  const log = createLog({
    ...settings.log,
    isTerminal: context.isTerminal,
    write: context.stdout,
    now: context.clock.now,
    fields: place === null ? {} : { process: place.number },
  });
  // What the parent has said once is not said again.
  if (parent === null) warn(loaded, log);
  const { drainMs, timeoutMs } = settings.shutdown;
  const stopMs = drainMs + timeoutMs + LAST_RESORT_MS;
  if (parent === null && settings.processes > 1) {
    const { supervise } = await import("./supervise.ts");
    return await supervise(context, loaded, log, stopMs);
  }

  const watch = watchProcess(context.process, log);
  parent?.onStop(watch.end);
  try {
    const server = await context.startServer({ settings, log, clock: context.clock, place });
    watch.ready();
    const { url, tcpUrl, redirectUrl } = server;
    if (parent === null) log.info({ url, tcp: tcpUrl, redirect: redirectUrl }, "Parley is ready");
    else parent.ready(server);
    void server.failed.then(watch.fail);
    const reason = await watch.ended;
    const stopped = await stop(server, reason, context, stopMs, log);
    return stopped && !watch.failed() ? EXIT.ok : EXIT.refused;
  } finally {
    watch.close();
  }
}

function warn({ settings, warnings }: LoadedSettings, log: ProcessLog): void {
  for (const warning of [...warnings, ...startWarnings(settings)]) log.warn({}, warning);
  const host = exposedHost(settings);
  if (settings.insecureTrustUserId && host !== undefined) {
    log.warn({ host }, "insecure_trust_user_id is on: anyone can be any user");
  }
}

/** Of one of several processes: it is a node of its own, and listens where the others do. */
function settingsAt({ nodeId, ports }: ProcessPlace, settings: Settings): Settings {
  const { port, tcp, tls, node } = settings;
  return {
    ...settings,
    node: { ...node, id: nodeId },
    port: ports?.web ?? port,
    tcp: { ...tcp, port: ports?.tcp ?? tcp.port },
    tls: { ...tls, redirectPort: ports?.redirect ?? tls.redirectPort },
  };
}

/** The server bounds its waits itself; when it hangs all the same, it is left. */
async function stop(
  server: RunningServer,
  reason: string,
  { clock }: CliContext,
  limitMs: number,
  log: ProcessLog,
): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.schedule(limitMs, () => {
    log.error({ limitMs }, "Parley did not stop in time");
    late.resolve(false);
  });
  try {
    return await Promise.race([server.stop(reason).then(() => true), late.promise]);
  } catch (error) {
    log.error({ error }, "Parley did not stop in order");
    return false;
  } finally {
    timer.cancel();
  }
}
