import { createServer } from "node:net";

/** Below those that the system gives to connections that go out. */
const FIRST = 20_000;
const LAST = 30_000;

/**
 * A port for a server that leaves it and comes back to it: in between no client's own end can take
 * it, as it could one of `freePort`.
 */
export async function nodePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
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
