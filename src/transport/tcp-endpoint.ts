import type { Socket, TCPSocketListener } from "bun";
import type { Clock, Timer } from "../clock.ts";
import type { Log } from "../log.ts";
import type { SessionEnvironment } from "../session/environment.ts";
import { Session } from "../session/session.ts";
import type { Admission } from "./admission.ts";
import { claimPort } from "./listening.ts";
import type { LiveSessions } from "./live-sessions.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { tlsOptions } from "./tls-options.ts";

export interface TcpEndpointOptions {
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** PEM; null is plain TCP. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Other processes of this server listen there too. */
  readonly isShared: boolean;
  readonly environment: SessionEnvironment;
  readonly sessions: LiveSessions;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  readonly sendBufferBytes: number;
  /** How long a peer may take to read the rest and to close its side. */
  readonly lingerMs: number;
}

/** A frame with a header, `ACK\nid:1\n\n\0`, has a few more. */
const SHORTEST_FRAME_BYTES = 8;

/** Finds peers that vanished without a word and had agreed on no heart-beats. */
const KEEP_ALIVE_MS = 60_000;

/** How long a peer that is not let in may take to read why. */
const REFUSED_LINGER_MS = 1_000;

/** Where STOMP comes in as a stream of bytes: TCP, with or without TLS. */
export class TcpEndpoint {
  readonly #options: TcpEndpointOptions;
  #listener: TCPSocketListener<TcpConnection>;
  readonly #connections = new Set<TcpConnection>();
  readonly #lingering = new Map<TcpConnection, Timer>();
  #onEmpty: (() => void) | null = null;

  /** Listens at once. Throws what the engine throws when it cannot. */
  constructor(options: TcpEndpointOptions) {
    this.#options = options;
    if (options.tls !== null && !options.isShared) claimPort(options);
    this.#listener = this.#listen(options.port, options.tls);
  }

  get port(): number {
    return this.#listener.port;
  }

  /**
   * New connections get this certificate; those that are there go on. Throws what the engine throws,
   * and then nothing has changed.
   */
  renew(tls: { readonly cert: string; readonly key: string }): void {
    const former = this.#listener;
    this.#listener = this.#listen(this.port, tls);
    setImmediate(() => former.stop()); // What waits at its door is let in first.
  }

  /** Accepts nothing new, and resolves when every client is gone: see `LiveSessions.stop`. */
  stop(): Promise<void> {
    this.#listener.stop();
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Drops what is left. */
  terminate(): void {
    for (const connection of this.#connections) connection.terminate();
    this.#listener.stop(true);
  }

  #listen(port: number, tls: TcpEndpointOptions["tls"]): TCPSocketListener<TcpConnection> {
    const { hostname, isShared } = this.#options;
    return Bun.listen<TcpConnection>({
      ...{ hostname, port },
      // For a renewal, two listeners share the port.
      ...(tls === null && !isShared ? { exclusive: true } : { reusePort: true }),
      ...(tls !== null && { tls: tlsOptions(tls) }),
      // A client that has said all it wants to say still gets its answers.
      allowHalfOpen: true,
      socket: {
        open: (socket) => this.#open(socket),
        // With this handler, `open` comes before the handshake, so that its time is limited too.
        handshake() {},
        data: ({ data }, bytes) => data.received(bytes),
        end: ({ data }) => data.ended(),
        drain: ({ data }) => data.drained(),
        close: ({ data }) => this.#close(data),
        error: (_, fault) => this.#failed(fault),
      },
    });
  }

  #open(socket: Socket<TcpConnection>): void {
    const { environment, sessions, admission, clock, sendBufferBytes } = this.#options;
    socket.setNoDelay(true); // The connection gathers small frames itself.
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const connection = new TcpConnection(socket, {
      sendBufferBytes,
      pieceBytes: SHORTEST_FRAME_BYTES * environment.limits.pendingFrames,
      onOverflow: this.#onOverflow,
      onClosing: this.#onClosing,
    });
    socket.data = connection;
    this.#connections.add(connection);
    const session = new Session(connection, environment);
    connection.opened(session);
    const refusal = admission.refusal(connection.remote);
    if (refusal === null) {
      sessions.add(session);
      return;
    }
    session.fail(refusal);
    clock.schedule(REFUSED_LINGER_MS, () => connection.terminate());
  }

  #close(connection: TcpConnection): void {
    const { session } = connection;
    if (session !== null) this.#options.sessions.remove(session);
    this.#lingering.get(connection)?.cancel();
    this.#lingering.delete(connection);
    this.#connections.delete(connection);
    connection.gone();
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  readonly #onOverflow = (connection: TcpConnection): void => {
    const fields = {
      session: connection.session?.id,
      bufferedBytes: connection.bufferedBytes(),
    };
    this.#options.log.info(fields, "Connection closed: its send buffer is full");
  };

  readonly #onClosing = (connection: TcpConnection): void => {
    const { clock, lingerMs } = this.#options;
    this.#lingering.set(
      connection,
      clock.schedule(lingerMs, () => connection.terminate()),
    );
  };

  /** What a peer did to its TLS session is its own affair; what a handler threw is ours. */
  #failed(fault: Error): void {
    const { log } = this.#options;
    if ("code" in fault) log.debug({ err: fault }, "A TLS connection failed");
    else log.error({ err: fault }, "Internal error");
  }
}
