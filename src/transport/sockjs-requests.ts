import type { Remote } from "../auth/remote.ts";
import { toAppError } from "../errors.ts";
import { decodeMessages } from "../sockjs/framing.ts";
import type { Transport } from "../sockjs/path.ts";
import {
  EVENT_SOURCE,
  htmlFile,
  isCallback,
  jsonp,
  type ResponseFormat,
  XHR_POLLING,
  XHR_STREAMING,
} from "../sockjs/response-format.ts";
import { bodyText } from "./body-text.ts";
import type { Door } from "./door.ts";
import { remoteOf } from "./remote.ts";
import { engineSeconds } from "./request-time.ts";
import { SockJsConnection } from "./sockjs-connection.ts";
import type { SockJsEndpointOptions } from "./sockjs-endpoint.ts";
import { htmlFilePolicy } from "./sockjs-framing-policy.ts";
import {
  corsHeaders,
  notAllowed,
  preflight,
  refused,
  refuseForeignOrigin,
  setSessionCookie,
  tryLater,
  UNCACHED,
} from "./sockjs-headers.ts";
import { type Owner, SockJsRegistry } from "./sockjs-registry.ts";
import { pollingResponse, streamingResponse } from "./sockjs-response.ts";

type HttpTransport = Exclude<Transport, "websocket">;

const METHODS: Readonly<Record<HttpTransport, string>> = {
  xhr: "POST",
  xhr_send: "POST",
  xhr_streaming: "POST",
  eventsource: "GET",
  htmlfile: "GET",
  jsonp: "GET",
  jsonp_send: "POST",
};

/**
 * The engine may tell that a request has broken off after it hands over the one that follows: so long
 * a second receiving request waits before it counts as a second one.
 */
const BROKEN_OFF_NOTICED_MS = 50;

/** Requests of a session that send, at a time: sockjs-client has one. */
const MOST_UPLOADS = 4;

/** The session that a request names, and who sends it. */
interface Opener {
  readonly session: string;
  readonly owner: Owner;
  readonly remote: Remote;
}

/** The requests of SockJS sessions over HTTP: those that receive, and those that send. */
export class SockJsRequests {
  readonly #options: SockJsEndpointOptions;
  readonly #registry: SockJsRegistry;

  constructor(options: SockJsEndpointOptions) {
    this.#options = options;
    this.#registry = new SockJsRegistry(options.sessions);
  }

  fetch(
    request: Request,
    door: Door,
    session: string,
    transport: HttpTransport,
  ): Response | Promise<Response> {
    const refusal = refuseForeignOrigin(request, this.#options.origins);
    if (refusal !== null) return refusal;
    const methods = `OPTIONS, ${METHODS[transport]}`;
    if (request.method === "OPTIONS") return this.#preflight(request, methods);
    if (request.method !== METHODS[transport]) return notAllowed(methods);
    const remote = remoteOf(request, door, this.#options);
    const owner = ownerOf(request, remote);
    switch (transport) {
      case "xhr_send":
      case "jsonp_send":
        return this.#send(request, session, owner, transport);
      default:
        return this.#receive(request, door, { session, owner, remote }, transport);
    }
  }

  /** Every session ends; requests that wait are answered. */
  stop(): void {
    for (const connection of this.#registry.all()) {
      connection.close(1001, "The server is stopping");
    }
  }

  #receive(
    request: Request,
    door: Door,
    opener: Opener,
    transport: Exclude<HttpTransport, "xhr_send" | "jsonp_send">,
  ): Response | Promise<Response> {
    const format = formatOf(request, transport);
    if (typeof format === "string") return failure(request, format);
    const connection = this.#connection(request, opener);
    if (connection instanceof Response) return connection;
    const headers = this.#headers(request, format.contentType);
    if (transport === "jsonp") headers.set("x-content-type-options", "nosniff");
    if (transport === "htmlfile") {
      headers.set("content-security-policy", htmlFilePolicy(request, this.#options.origins));
    }
    const { clock, responseBytes, requestMs } = this.#options;
    // Heart-beats and the grace see to a response that is idle. What is set for it would stay with the
    // connection: a client could keep that for ever, and send nothing more or a byte now and then.
    door.timeout(request, 0);
    const onEnd = () => door.timeout(request, engineSeconds(requestMs));
    const { sink, response } = format.isPolling
      ? pollingResponse(format, headers, onEnd)
      : streamingResponse(format, headers, {
          ...{ limitBytes: responseBytes, onEnd },
          onDrained: () => connection.drained(),
        });
    request.signal.addEventListener("abort", () => connection.interrupted(sink));
    const attach = (): void => {
      if (!request.signal.aborted) connection.attach(sink);
    };
    if (connection.isReceiving) clock.schedule(BROKEN_OFF_NOTICED_MS, attach);
    else attach();
    return response;
  }

  /** The session's connection; a new one for an id that nobody uses. */
  #connection(request: Request, { session, owner, remote }: Opener): SockJsConnection | Response {
    const known = this.#registry.find(session, owner);
    if (known !== undefined) return known;
    if (this.#registry.has(session)) return notFound(request);
    const { service, admission, clock, graceMs, sendBufferBytes, isDraining } = this.#options;
    if (this.#registry.isFull || isDraining()) return tryLater();
    const turnedAway = admission.refusal(remote);
    if (turnedAway !== null) return refused(turnedAway, corsHeaders(request));
    const connection = new SockJsConnection({
      ...{ clock, graceMs, sendBufferBytes, remote },
      onForgotten: () => this.#registry.remove(session),
    });
    this.#registry.add(session, connection, owner);
    connection.opened(service.open(connection));
    return connection;
  }

  async #send(
    request: Request,
    session: string,
    owner: Owner,
    transport: "xhr_send" | "jsonp_send",
  ): Promise<Response> {
    // Of a body that belongs to no session nothing is kept, nor of more than a client sends at a time.
    const connection = this.#registry.find(session, owner);
    if (connection === undefined || connection.receiver === null) return notFound(request);
    if (connection.uploads >= MOST_UPLOADS) return tryLater(corsHeaders(request));
    connection.uploads += 1;
    let payload: string | null;
    try {
      const { bodyBytes } = this.#options;
      const text = await bodyText(request, bodyBytes);
      if (text === null) return new Response(null, { status: 413 });
      payload = payloadOf(request, transport, text);
    } finally {
      connection.uploads -= 1;
    }
    const { receiver } = connection;
    if (receiver === null) return notFound(request);
    if (payload === null || payload === "") return failure(request, "Payload expected.");
    let messages: readonly string[];
    try {
      messages = decodeMessages(payload);
    } catch (fault) {
      if (toAppError(fault).code === "INTERNAL") throw fault;
      return failure(request, "Broken JSON encoding.");
    }
    receiver.receiveAll(() => messages);
    const headers = this.#headers(request, "text/plain; charset=UTF-8");
    if (transport === "jsonp_send") return new Response("ok", { headers });
    return new Response(null, { status: 204, headers });
  }

  #preflight(request: Request, methods: string): Response {
    const response = preflight(request, methods, this.#options.clock.now());
    if (this.#options.cookieNeeded) setSessionCookie(request, response.headers);
    return response;
  }

  #headers(request: Request, contentType: string): Headers {
    const headers = corsHeaders(request);
    headers.set("content-type", contentType);
    headers.set("cache-control", UNCACHED);
    if (this.#options.cookieNeeded) setSessionCookie(request, headers);
    return headers;
  }
}

function ownerOf(request: Request, { proxied, peerAddress }: Remote): Owner {
  return { origin: request.headers.get("origin"), address: proxied ? null : peerAddress };
}

/** A text is why there is none. */
function formatOf(
  request: Request,
  transport: "xhr" | "xhr_streaming" | "eventsource" | "htmlfile" | "jsonp",
): ResponseFormat | string {
  switch (transport) {
    case "xhr":
      return XHR_POLLING;
    case "xhr_streaming":
      return XHR_STREAMING;
    case "eventsource":
      return EVENT_SOURCE;
    case "htmlfile":
    case "jsonp": {
      const { searchParams } = new URL(request.url);
      const callback = searchParams.get("c") ?? searchParams.get("callback");
      if (callback === null || callback === "") return '"callback" parameter required';
      if (!isCallback(callback)) return 'invalid "callback" parameter';
      return transport === "jsonp" ? jsonp(callback) : htmlFile(callback);
    }
  }
}

/** null when there is none. A form's field `d` is how pages send by JSONP. */
function payloadOf(request: Request, transport: string, text: string): string | null {
  const type = request.headers.get("content-type")?.toLowerCase() ?? "";
  const isForm = transport === "jsonp_send" && type.startsWith("application/x-www-form-urlencoded");
  return isForm ? new URLSearchParams(text).get("d") : text;
}

function failure(request: Request, text: string): Response {
  const headers = corsHeaders(request);
  headers.set("content-type", "text/plain; charset=UTF-8");
  headers.set("cache-control", UNCACHED);
  return new Response(text, { status: 500, headers });
}

function notFound(request: Request): Response {
  const headers = corsHeaders(request);
  headers.set("content-type", "text/plain; charset=UTF-8");
  return new Response(null, { status: 404, headers });
}
