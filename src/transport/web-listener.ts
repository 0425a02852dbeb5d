import type { Server, WebSocketHandler } from "bun";
import type { Engine } from "../broker/subscription.ts";
import { claimPort } from "./listening.ts";
import { tlsOptions } from "./tls-options.ts";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** PEM. */
interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface WebListenerOptions {
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** null: plain HTTP. */
  readonly tls: KeyPair | null;
  /** Other processes of this server listen there too. */
  readonly isShared: boolean;
  readonly maxRequestBodySize: number;
  /**
   * Seconds. Of what it has not handed over yet the engine itself limits the time: 10 s for the first
   * head of a connection, and from there on this.
   */
  readonly idleTimeout: number;
  /** `beside` publishes to the connections that came in before another renewal. */
  readonly webSocket: (beside: Engine) => WebSocketHandler<WebSocketConnection>;
  readonly fetch: (
    request: Request,
    server: Server<WebSocketConnection>,
  ) => Response | Promise<Response> | undefined;
  readonly error: (fault: unknown) => Response;
}

/**
 * Where HTTP and WebSockets come in. The engine cannot change the certificate of a server that runs,
 * but with TLS it can listen on one port twice: a renewal opens a second server, closes the door of
 * the first, and keeps that one until its last connection is gone. What is published reaches the
 * connections of them all.
 */
export class WebListener implements Engine {
  readonly #options: WebListenerOptions;
  #current: Server<WebSocketConnection>;
  /** The current one, and those before it that still have connections. */
  readonly #servers = new Set<Server<WebSocketConnection>>();

  /** Listens at once. Throws what the engine throws when it cannot. */
  constructor(options: WebListenerOptions) {
    this.#options = options;
    if (options.tls !== null && !options.isShared) claimPort(options);
    this.#current = this.#listen(options.port, options.tls);
  }

  get port(): number {
    return this.#current.port ?? this.#options.port;
  }

  publish(channel: string, payload: string | Uint8Array): void {
    this.#current.publish(channel, payload);
    if (this.#servers.size > 1) this.#publishBeside(this.#current, channel, payload);
  }

  /**
   * New connections get this certificate; those that are there go on. One whose handshake is under
   * way in this very moment may be reset. Throws what the engine throws, and then nothing has changed.
   */
  renew(tls: KeyPair): void {
    const former = this.#current;
    this.#current = this.#listen(this.port, tls);
    // What waits at the former door is let in first; what is in the middle of a handshake is lost.
    setImmediate(() => setImmediate(() => void this.#retire(former)));
  }

  /** Accepts nothing new, and resolves when every connection is gone. */
  async stop(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.stop()));
  }

  /** Drops what is left. */
  async terminate(): Promise<void> {
    await Promise.all([...this.#servers].map((server) => server.stop(true)));
  }

  #publishBeside(
    own: Server<WebSocketConnection>,
    channel: string,
    payload: string | Uint8Array,
  ): void {
    for (const other of this.#servers) if (other !== own) other.publish(channel, payload);
  }

  async #retire(server: Server<WebSocketConnection>): Promise<void> {
    await server.stop();
    this.#servers.delete(server);
  }

  #listen(port: number, tls: KeyPair | null): Server<WebSocketConnection> {
    const { webSocket, hostname, maxRequestBodySize, idleTimeout, fetch, error } = this.#options;
    const { isShared } = this.#options;
    const beside: Engine = {
      publish: (channel, payload) => {
        if (this.#servers.size > 1) this.#publishBeside(server, channel, payload);
      },
    };
    const server: Server<WebSocketConnection> = Bun.serve({
      ...{ hostname, port, maxRequestBodySize, idleTimeout, fetch, error, development: false },
      // For a renewal too. Without `development` it must be said if a port is not to be shared.
      reusePort: tls !== null || isShared,
      ...(tls === null ? {} : { tls: tlsOptions(tls) }),
      websocket: webSocket(beside),
    });
    this.#servers.add(server);
    return server;
  }
}
