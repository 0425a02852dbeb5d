import type { Socket } from "bun";
import { AppError } from "../errors.ts";

/**
 * A port that is taken, or an address that is not ours, is the operator's to mend.
 *
 * @throws AppError INVALID_CONFIGURATION
 */
export function listening<Listener>(
  setting: "port" | "tcp.port" | "tls.redirect_port",
  { host, port }: { readonly host: string; readonly port: number },
  listen: () => Listener,
): Listener {
  try {
    return listen();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const code = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
    const text = `Cannot listen on ${host} port ${port} (${setting}): ${reason}${code}`;
    throw new AppError("INVALID_CONFIGURATION", text, { cause });
  }
}

/**
 * Throws what the engine throws when somebody listens there already. For a listener that is to share
 * its port with its own successor, and would share it with strangers too.
 */
export function claimPort(address: Address): void {
  holdPort(address, "")();
}

interface Address {
  readonly hostname: string;
  /** 0: none. */
  readonly port: number;
}

/**
 * Nobody else can listen there until the function is called that is returned. Who connects meanwhile is
 * given the answer to what they say first, and let go of. Throws what the engine throws when somebody
 * listens there already.
 */
export function holdPort({ hostname, port }: Address, answer: string): () => void {
  if (port === 0) return () => {};
  const socket = { data: (client: Socket) => void client.end(answer) };
  const held = Bun.listen({ hostname, port, exclusive: true, socket });
  return () => held.stop(true);
}

/** The host as a URL of this machine has it. */
export function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
