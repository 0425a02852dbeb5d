import type { Server, WebSocketHandler } from "bun";
import type { HeartbeatSender } from "../session/heartbeats.ts";
import type { Framing } from "../session/ports.ts";
import { Session, type SessionEnvironment } from "../session/session.ts";
import { HEARTBEAT_FRAME } from "../sockjs/framing.ts";
import { infoDocument } from "../sockjs/info.ts";
import { parseSockJsPath } from "../sockjs/path.ts";
import { chooseSubprotocol } from "../stomp/version.ts";
import type { LiveSessions } from "./live-sessions.ts";
import { isFromElsewhere, isOriginAllowed, type OriginPolicy } from "./origin.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/** The SockJS base URL, and the path of the plain WebSocket. */
export const ENDPOINT = "/ws";

export interface StompEndpointOptions {
  readonly environment: SessionEnvironment;
  readonly heartbeatSender: HeartbeatSender;
  readonly sessions: LiveSessions;
  readonly origins: OriginPolicy;
  readonly sendBufferBytes: number;
  readonly frameBytes: number;
  readonly sockJsHeartbeatMs: number;
  /** 32 random bits, for SockJS's info document. */
  readonly entropy: () => number;
}

/** Where STOMP comes in: plain WebSocket and SockJS under one path. */
export class StompEndpoint {
  readonly #options: StompEndpointOptions;

  constructor(options: StompEndpointOptions) {
    this.#options = options;
  }

  /** Bun's handlers for every WebSocket of the server. */
  handler(): WebSocketHandler<WebSocketConnection> {
    const { sendBufferBytes, frameBytes } = this.#options;
    return {
      data: {} as WebSocketConnection,
      // The decoder limits frames and answers with an ERROR; this is the wall behind it. SockJS may
      // write six bytes for one, and a message may hold several frames.
      maxPayloadLength: 8 * frameBytes,
      backpressureLimit: sendBufferBytes,
      closeOnBackpressureLimit: true,
      idleTimeout: 120,
      sendPings: true,
      open: (socket) => this.#open(socket.data, (session) => socket.data.opened(socket, session)),
      message: (socket, message) => socket.data.received(message),
      drain: (socket) => socket.data.session?.drained(),
      close: (socket) => this.#close(socket.data),
    };
  }

  /** Answers a request below `ENDPOINT`; undefined when it has become a WebSocket. */
  fetch(request: Request, server: Server<WebSocketConnection>): Response | undefined {
    const path = new URL(request.url).pathname.slice(ENDPOINT.length);
    if (path === "/info") return this.#info(request);
    const sockJs = parseSockJsPath(path);
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      if (path === "" || path === "/" || path === "/websocket")
        return this.#upgrade(request, server, "raw");
      if (sockJs?.transport === "websocket") return this.#upgrade(request, server, "sockjs");
    } else if (path === "" || path === "/") {
      return new Response("Welcome to SockJS!\n", {
        headers: { "content-type": "text/plain; charset=UTF-8" },
      });
    } else if (path === "/websocket" || sockJs?.transport === "websocket") {
      return new Response('Can "Upgrade" only to "WebSocket".', { status: 400 });
    }
    return new Response("Not found\n", { status: 404 });
  }

  #upgrade(
    request: Request,
    server: Server<WebSocketConnection>,
    framing: Framing,
  ): Response | undefined {
    const { headers } = request;
    if (this.#options.sessions.isStopping) return new Response("Stopping\n", { status: 503 });
    if (!isOriginAllowed(headers, this.#options.origins)) {
      return new Response("ORIGIN_FORBIDDEN: see http.allowed_origins\n", { status: 403 });
    }
    const offered = headers.get("sec-websocket-protocol");
    const chosen = chooseSubprotocol(offered);
    if (offered !== null && chosen === null) {
      // Left to itself the engine would agree to whatever is offered first.
      return new Response("None of the subprotocols is spoken here\n", { status: 400 });
    }
    const data = new WebSocketConnection(framing, isFromElsewhere(headers, this.#options.origins));
    const upgraded = server.upgrade(request, {
      data,
      headers: chosen === null ? {} : { "Sec-WebSocket-Protocol": chosen },
    });
    return upgraded ? undefined : new Response("WebSocket handshake expected\n", { status: 400 });
  }

  #open(connection: WebSocketConnection, attach: (session: Session) => void): void {
    const { environment, heartbeatSender, sockJsHeartbeatMs, sessions } = this.#options;
    const session = new Session(connection, environment);
    attach(session);
    if (connection.framing === "sockjs") {
      session.onClosed(heartbeatSender.add(connection, HEARTBEAT_FRAME, sockJsHeartbeatMs));
    }
    sessions.add(session);
  }

  #close(connection: WebSocketConnection): void {
    const { session } = connection;
    if (session !== null) this.#options.sessions.remove(session);
    connection.gone();
  }

  // [SockJS §Info request]
  #info(request: Request): Response {
    const origin = request.headers.get("origin");
    const { origins, entropy } = this.#options;
    const headers = new Headers({
      "content-type": "application/json; charset=UTF-8",
      "cache-control": "no-store, no-cache, no-transform, must-revalidate, max-age=0",
      vary: "Origin",
    });
    if (origin !== null && isOriginAllowed(request.headers, origins)) {
      headers.set("access-control-allow-origin", origin);
      headers.set("access-control-allow-credentials", "true");
    }
    if (request.method === "OPTIONS") {
      headers.set("access-control-allow-methods", "OPTIONS, GET");
      return new Response(null, { status: 204, headers });
    }
    return new Response(infoDocument(entropy()), { headers });
  }
}
