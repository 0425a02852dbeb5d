import { get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import type { Settings } from "../config.ts";
import { type CliContext, UsageError } from "./context.ts";

const PATIENCE_MS = 5_000;

export interface Question {
  /** What asks. */
  readonly command: string;
  /** `--url`; undefined: the server of the settings is asked, on this machine. */
  readonly given: string | undefined;
  /** Where `given` has none. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The status and the body; or, as a text, what came instead of an answer. */
export type ServerAnswer = { readonly status: number; readonly body: string } | string;

/** Asks a server that runs. Rejects with a UsageError where it is not known which. */
export async function askServer(
  context: CliContext,
  settings: Settings,
  question: Question,
): Promise<{ readonly url: URL; readonly answer: ServerAnswer }> {
  const url = serverUrl(question, settings);
  const late = Promise.withResolvers<string>();
  const timer = context.clock.schedule(PATIENCE_MS, () => {
    late.resolve(`did not answer within ${PATIENCE_MS} ms`);
  });
  const answer = await Promise.race([ask(url, question), late.promise]);
  timer.cancel();
  return { url, answer };
}

function serverUrl({ command, given, path }: Question, { host, port, tls }: Settings): URL {
  if (given === undefined) {
    if (port === 0) throw new UsageError(`${command} needs --url URL where the port is 0.`);
    const scheme = tls.certFile === undefined ? "http" : "https";
    return new URL(`${scheme}://${reachable(host)}:${port}${path}`);
  }
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError("--url is no URL; expected such as http://127.0.0.1:8080.");
  }
  if (url.pathname === "/") url.pathname = path;
  return url;
}

/** Where a server can be asked that listens on `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** By node:http, since `fetch` takes the way of HTTP_PROXY. */
function ask(url: URL, { given, headers = {} }: Question): Promise<ServerAnswer> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(`does not answer: ${error.message}`);
    const onResponse = (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", fail);
    };
    // The certificate names the host that clients know, not this machine's address.
    const options = { agent: false, rejectUnauthorized: given !== undefined, headers };
    const get = url.protocol === "https:" ? getHttps : getHttp;
    get(url, options, onResponse).on("error", fail);
  });
}
