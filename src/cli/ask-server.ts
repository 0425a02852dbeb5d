import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Settings } from "../config.ts";
import { type CliContext, UsageError } from "./context.ts";

const DEFAULT_PATIENCE_MS = 5_000;

export interface Question {
  /** What asks. */
  readonly command: string;
  /** `--url`; undefined: the server of the settings is asked, on this machine. */
  readonly given: string | undefined;
  /** With a query, if there is one. */
  readonly path: string;
  /**
   * Where `given` has a path, this server's own stand below it, as behind a proxy; without, it is in
   * place of `path`.
   */
  readonly isBelowGiven?: boolean;
  /** Sent by POST, as JSON; without it the server is asked by GET. */
  readonly body?: unknown;
  /** How long the answer may take; by default 5 seconds. */
  readonly patienceMs?: number;
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
  const { patienceMs = DEFAULT_PATIENCE_MS } = question;
  const late = Promise.withResolvers<string>();
  const timer = context.clock.schedule(patienceMs, () => {
    late.resolve(`did not answer within ${patienceMs} ms`);
  });
  const answer = await Promise.race([ask(url, question), late.promise]);
  timer.cancel();
  return { url, answer };
}

function serverUrl(question: Question, { host, port, tls }: Settings): URL {
  const { command, given, path, isBelowGiven = false } = question;
  if (given === undefined) {
    if (port === 0) throw new UsageError(`${command} needs --url URL where the port is 0.`);
    const scheme = tls.certFile === undefined ? "http" : "https";
    return new URL(`${scheme}://${reachable(host)}:${port}${path}`);
  }
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError("--url is no URL; expected such as http://127.0.0.1:8080.");
  }
  if (url.pathname === "/") return new URL(path, url);
  return isBelowGiven ? new URL(url.pathname.replace(/\/$/, "") + path, url) : url;
}

/** Where a server can be asked that listens on `host`. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::" || host === "[::]") return "[::1]";
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** By node:http, since `fetch` takes the way of HTTP_PROXY. */
function ask(url: URL, { given, body: question, headers = {} }: Question): Promise<ServerAnswer> {
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
    const isPost = question !== undefined;
    const options = {
      ...{ agent: false, method: isPost ? "POST" : "GET" },
      // The certificate names the host that clients know, not this machine's address.
      rejectUnauthorized: given !== undefined,
      headers: { ...headers, ...(isPost && { "content-type": "application/json" }) },
    };
    const open = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = open(url, options, onResponse).on("error", fail);
    request.end(isPost ? JSON.stringify(question) : undefined);
  });
}
