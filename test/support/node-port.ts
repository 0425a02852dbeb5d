import { createServer } from "node:net";

/** Below those that the system gives to connections that go out. */
const FIRST = 20_000;
const LAST = 30_000;

/** A server that is slow to start does not listen on its own yet. */
const given = new Set<number>();

/**
 * A port for a server that is slow to take it, or leaves it and comes back to it: in between no
 * client's own end can take it, as it could one of `freePort`. Each once.
 */
export async function nodePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
