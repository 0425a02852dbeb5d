import { ensureBinary, type ServerKind, startServer } from "../load/server-process.ts";
import { manifestVersion } from "./manifest.ts";
import type { Peer } from "./peer.ts";

/** Parley as users start it. */
export const parley: Peer = {
  name: "parley",
  dialect: "parley",
  version: () => manifestVersion("package.json"),
  install: ensureBinary,
  start: (children) => started("parley", children),
};

/** Parley where WebSocket does not get through: SockJS's long polling. */
export const longPolling: Peer = { ...parley, name: "long-polling", dialect: "long-polling" };

/** Parley, looked at once a second for what is new. */
export const polling: Peer = { ...parley, name: "polling", dialect: "history-polling" };

/** The engine under it alone. */
export const bareBun: Peer = {
  name: "bare-bun",
  dialect: "parley",
  version: () => Bun.version,
  install: async () => {},
  start: (children) => started("bare", children),
};

async function started(kind: ServerKind, children: Parameters<Peer["start"]>[0]) {
  const { port, pid, stop } = await startServer(kind, children);
  return { port, pids: [pid], stop };
}
