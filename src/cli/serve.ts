import { checkStartAllowed, exposedHost, type LoadedSettings, startWarnings } from "../config.ts";
import { createLog, type ProcessLog } from "../log.ts";
import { type CliContext, EXIT, type ProcessPort, type RunningServer } from "./context.ts";

const LAST_RESORT_MS = 5_000;
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the server until a signal or a fault ends it; resolves with the exit code. */
export async function serve(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { settings, warnings } = loaded;
  checkStartAllowed(settings);
  const log = createLog({
    ...settings.log,
    isTerminal: context.isTerminal,
    write: context.stdout,
    now: context.clock.now,
  });
  for (const warning of [...warnings, ...startWarnings(settings)]) log.warn({}, warning);
  const host = exposedHost(settings);
  if (settings.insecureTrustUserId && host !== undefined) {
    log.warn({ host }, "insecure_trust_user_id is on: anyone can be any user");
  }

  const watch = watchProcess(context.process, log);
  try {
    const server = await context.startServer({ settings, log, clock: context.clock });
    watch.ready();
    const { url, tcpUrl, redirectUrl } = server;
    log.info({ url, tcp: tcpUrl, redirect: redirectUrl }, "Parley is ready");
    void server.failed.then(watch.fail);
    const reason = await watch.ended;
    const { drainMs, timeoutMs } = settings.shutdown;
    const limitMs = drainMs + timeoutMs + LAST_RESORT_MS;
    const stopped = await stop(server, reason, context, limitMs, log);
    return stopped && !watch.failed() ? EXIT.ok : EXIT.refused;
  } finally {
    watch.close();
  }
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

interface ProcessWatch {
  /** Resolves with the reason at the first signal or fault. */
  readonly ended: Promise<string>;
  readonly failed: () => boolean;
  /** The server says that it cannot go on. */
  readonly fail: (error: unknown) => void;
  /** From now on a fault is a reason to stop, not to leave at once. */
  readonly ready: () => void;
  readonly close: () => void;
}

function watchProcess(process: ProcessPort, log: ProcessLog): ProcessWatch {
  const ending = Promise.withResolvers<string>();
  let signalled = false;
  let failed = false;
  let ready = false;

  const onSignal = (signal: keyof typeof SIGNAL_EXIT_CODES) => {
    if (signalled) process.exit(SIGNAL_EXIT_CODES[signal]);
    signalled = true;
    ending.resolve(signal);
  };
  const onFault = (error: unknown) => {
    if (failed) return; // What falls after the first fault is its consequence.
    failed = true;
    log.fatal({ error }, "Parley stops after a fault of its own");
    if (!ready) process.exit(EXIT.refused);
    ending.resolve("fault");
  };
  const listeners = [
    ["SIGTERM", () => onSignal("SIGTERM")],
    ["SIGINT", () => onSignal("SIGINT")],
    ["uncaughtException", onFault],
    ["unhandledRejection", onFault],
  ] as const;
  for (const [event, listener] of listeners) process.on(event, listener);

  return {
    ended: ending.promise,
    failed: () => failed,
    fail(error) {
      failed = true;
      log.fatal({ error }, "Parley cannot go on");
      ending.resolve("fault");
    },
    ready: () => {
      ready = true;
    },
    close: () => {
      for (const [event, listener] of listeners) process.off(event, listener);
    },
  };
}
