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
