import { get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import type { LoadedSettings, Settings } from "../config.ts";
import { type CliContext, EXIT, UsageError } from "./context.ts";

export const HEALTH_FLAGS = ["--url"] as const;
const HEALTH_PATH = "/api/websocket/health";
const PATIENCE_MS = 5_000;

/** Exits with 0 when a server answers that it is well. For HEALTHCHECK in an image without curl. */
export async function health(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const given = loaded.commandFlags.get("--url");
  const url = healthUrl(given, loaded.settings);
  const late = Promise.withResolvers<string>();
  const timer = context.clock.schedule(PATIENCE_MS, () => {
    late.resolve(`did not answer within ${PATIENCE_MS} ms`);
  });
  // The certificate names the host that clients know, not this machine's address.
  const fault = await Promise.race([ask(url, given !== undefined), late.promise]);
  timer.cancel();
  if (fault === undefined) {
    context.stdout(`${url.href} is well\n`);
    return EXIT.ok;
  }
  context.stderr(`parley: ${url.href} ${fault}\n`);
  return EXIT.refused;
}

function healthUrl(given: string | undefined, { host, port, tls }: Settings): URL {
  if (given === undefined) {
    if (port === 0) throw new UsageError("health needs --url URL where the port is 0.");
    const scheme = tls.certFile === undefined ? "http" : "https";
    return new URL(`${scheme}://${reachable(host)}:${port}${HEALTH_PATH}`);
  }
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError("--url is no URL; expected such as http://127.0.0.1:8080.");
  }
  if (url.pathname === "/") url.pathname = HEALTH_PATH;
  return url;
}

/** Where a server can be asked that listens on `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Resolves with what is wrong. By node:http, since `fetch` takes the way of HTTP_PROXY. */
function ask(url: URL, rejectUnauthorized: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
    const onResponse = (response: IncomingMessage) => {
      response.resume();
      const { statusCode } = response;
      resolve(statusCode === 200 ? undefined : `answers with status ${statusCode}`);
    };
    const options = { agent: false, rejectUnauthorized };
    const request =
      url.protocol === "https:"
        ? getHttps(url, options, onResponse)
        : getHttp(url, options, onResponse);
    request.on("error", (error) => resolve(`does not answer: ${error.message}`));
  });
}
