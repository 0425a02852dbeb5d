import type { Clock } from "../clock.ts";
import { iframePage } from "../sockjs/iframe.ts";
import { infoDocument, type ServiceTraits } from "../sockjs/info.ts";
import { CLIENT_SCRIPT, parseSockJsPath } from "../sockjs/path.ts";
import type { Admission } from "./admission.ts";
import type { Door } from "./door.ts";
import type { Service } from "./receiver.ts";
import { type RemotePolicy, remoteOf } from "./remote.ts";
import { iframePolicy } from "./sockjs-framing-policy.ts";
import {
  corsHeaders,
  keepForAYear,
  notAllowed,
  preflight,
  refused,
  refuseForeignOrigin,
  tryLater,
  UNCACHED,
} from "./sockjs-headers.ts";
import { SockJsRequests } from "./sockjs-requests.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

export interface SockJsEndpointOptions extends ServiceTraits, RemotePolicy {
  /** The base URL's path, without a slash at its end. */
  readonly prefix: string;
  readonly service: Service;
  readonly admission: Admission;
  readonly clock: Clock;
  /** What the body of a request may have. */
  readonly bodyBytes: number;
  /** Frames in one streaming response. */
  readonly responseBytes: number;
  /** How long a session may be without a request that receives. */
  readonly graceMs: number;
  readonly sendBufferBytes: number;
  /** How long a connection may be kept between requests. */
  readonly requestMs: number;
  /** Sessions over HTTP. */
  readonly sessions: number;
  /** Where iframe pages find the client's script; undefined: below the base URL. */
  readonly clientUrl: string | undefined;
  /** The client's script itself. */
  readonly clientScript: string;
  /** 32 random bits, for the info document. */
  readonly entropy: () => number;
  readonly isDraining: () => boolean;
}

/**
 * The page sets `document.domain`, which in older browsers opens it to pages of other ports and of
 * deeper names that do the same: where they may not have it in a frame, nor may they in a window.
 */
const ALONE = { "cross-origin-opener-policy": "same-origin", "origin-agent-cluster": "?1" };

/** A base URL with SockJS's transports and the plain WebSocket, in front of one service. */
export class SockJsEndpoint {
  readonly #options: SockJsEndpointOptions;
  readonly #requests: SockJsRequests;
  readonly #iframe: { readonly page: string; readonly etag: string };

  constructor(options: SockJsEndpointOptions) {
    this.#options = options;
    this.#requests = new SockJsRequests(options);
    const page = iframePage(options.clientUrl ?? `${options.prefix}/${CLIENT_SCRIPT}`);
    this.#iframe = { page, etag: `"${Bun.hash(page).toString(36)}"` };
  }

  covers(pathname: string): boolean {
    const { prefix } = this.#options;
    return pathname.startsWith(prefix) && (pathname.at(prefix.length) ?? "/") === "/";
  }

  /** The session over HTTP that a request which it covers belongs to; null: to none. */
  sessionOf(pathname: string): string | null {
    const path = parseSockJsPath(pathname.slice(this.#options.prefix.length));
    return path?.kind === "session" && path.transport !== "websocket" ? path.session : null;
  }

  /**
   * Answers a request that it covers, by the path of its URL; undefined when it has become a
   * WebSocket.
   */
  fetch(request: Request, door: Door, pathname: string): Response | Promise<Response> | undefined {
    const path = parseSockJsPath(pathname.slice(this.#options.prefix.length));
    if (path === null) return notFound();
    const isUpgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
    switch (path.kind) {
      case "greeting":
        return isUpgrade ? this.#upgrade(request, door, "raw") : greeting();
      case "raw-websocket":
        return this.#upgrade(request, door, "raw");
      case "info":
        return this.#info(request);
      case "iframe":
        return this.#iframePage(request);
      case "client":
        return this.#clientScript();
      case "session":
        if (path.transport === "websocket") return this.#upgrade(request, door, "sockjs");
        return this.#requests.fetch(request, door, path.session, path.transport);
    }
  }

  /** Ends the sessions over HTTP. */
  stop(): void {
    this.#requests.stop();
  }

  // [SockJS 0.3.4 §WebsocketHttpErrors]
  #upgrade(request: Request, door: Door, framing: "raw" | "sockjs"): Response | undefined {
    const { headers, method } = request;
    const { service, origins, websocket, isDraining } = this.#options;
    if (!websocket) return notFound();
    if (method !== "GET") return notAllowed("GET");
    if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
      return new Response('Can "Upgrade" only to "WebSocket".', { status: 400 });
    }
    if (!/\bupgrade\b/i.test(headers.get("connection") ?? "")) {
      return new Response('"Connection" must be "Upgrade".', { status: 400 });
    }
    if (isDraining()) return tryLater();
    const refusal = refuseForeignOrigin(request, origins);
    if (refusal !== null) return refusal;
    const offered = headers.get("sec-websocket-protocol");
    const chosen = offered === null ? null : service.chooseSubprotocol(offered);
    if (offered !== null && chosen === null) {
      // Left to itself the engine would agree to whatever is offered first.
      return new Response("None of the subprotocols is spoken here\n", { status: 400 });
    }
    const remote = remoteOf(request, door, this.#options);
    const turnedAway = this.#options.admission.refusal(remote);
    if (turnedAway !== null) return refused(turnedAway);
    const data = new WebSocketConnection(service, framing, remote);
    const upgraded = door.upgrade(request, {
      data,
      headers: chosen === null ? {} : { "Sec-WebSocket-Protocol": chosen },
    });
    return upgraded ? undefined : new Response("WebSocket handshake expected\n", { status: 400 });
  }

  // [SockJS 0.3.4 §InfoTest]
  #info(request: Request): Response {
    const { clock, entropy, origins, isDraining, admission } = this.#options;
    const refusal = refuseForeignOrigin(request, origins);
    if (refusal !== null) return refusal;
    if (request.method === "OPTIONS") return preflight(request, "OPTIONS, GET", clock.now());
    if (request.method !== "GET") return notAllowed("OPTIONS, GET");
    if (isDraining() || admission.isFull) return tryLater(corsHeaders(request));
    const headers = corsHeaders(request);
    headers.set("content-type", "application/json; charset=UTF-8");
    headers.set("cache-control", UNCACHED);
    return new Response(infoDocument(this.#options, entropy()), { headers });
  }

  // [SockJS 0.3.4 §IframePage]
  #iframePage(request: Request): Response {
    const { page, etag } = this.#iframe;
    const { origins, clientUrl } = this.#options;
    const policy = iframePolicy(request, origins, clientUrl);
    const headers = new Headers({ etag, "content-security-policy": policy, ...ALONE });
    keepForAYear(headers, this.#options.clock.now());
    if (request.headers.get("if-none-match") === etag) {
      return new Response(null, { status: 304, headers });
    }
    headers.set("content-type", "text/html; charset=UTF-8");
    return new Response(page, { headers });
  }

  #clientScript(): Response {
    const headers = new Headers({ "content-type": "application/javascript; charset=UTF-8" });
    keepForAYear(headers, this.#options.clock.now());
    return new Response(this.#options.clientScript, { headers });
  }
}

function greeting(): Response {
  return new Response("Welcome to SockJS!\n", {
    headers: { "content-type": "text/plain; charset=UTF-8" },
  });
}

function notFound(): Response {
  return new Response("Not found\n", { status: 404 });
}
