import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Clock } from "../clock.ts";
import { abortable } from "./abortable.ts";
import { codeOf } from "./fault-code.ts";
import { VendorFault } from "./vendor-call.ts";

export interface Http2PeerOptions {
  /** `https://host:port`; http is HTTP/2 without TLS. */
  readonly origin: string;
  /** Certificates in PEM that are trusted in place of the system's. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
}

export interface Http2Request {
  /** With `:path`. */
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;
const MAX_BODY_CHARACTERS = 64 * 1024;

/** The peer has not looked at the request: it may be sent again at once. [RFC 9113 §8.7] */
class UnprocessedFault extends VendorFault {}

interface Connection {
  readonly session: ClientHttp2Session;
  /** Resolves when the peer has said how many requests it takes at a time, which bounds them. */
  readonly ready: Promise<void>;
}

/**
 * A server over HTTP/2: one connection, made when it is needed and kept, with many requests at a time.
 * Where the peer says that it will close it (GOAWAY), requests that it has begun end there, and others
 * go over a new one.
 */
export class Http2Peer {
  readonly #options: Http2PeerOptions;
  /** The connection for requests from now on; null: the next one makes one. */
  #current: Connection | null = null;
  /** With those on which requests only end. */
  readonly #sessions = new Set<ClientHttp2Session>();
  /** It is being asked whether the peer is still there. */
  readonly #doubted = new Set<ClientHttp2Session>();

  constructor(options: Http2PeerOptions) {
    this.#options = options;
  }

  /** Rejects with VendorFault without an answer, and as the signal says. */
  async post(request: Http2Request, signal: AbortSignal): Promise<Http2Answer> {
    try {
      return await this.#postOnce(request, signal);
    } catch (fault) {
      if (!(fault instanceof UnprocessedFault)) throw fault;
      return await this.#postOnce(request, signal);
    }
  }

  /** Requests under way reject. */
  stop(): void {
    for (const session of this.#sessions) this.#end(session);
  }

  async #postOnce(request: Http2Request, signal: AbortSignal): Promise<Http2Answer> {
    signal.throwIfAborted();
    this.#current ??= this.#connect();
    const { session, ready } = this.#current;
    await abortable(ready, signal);
    return await this.#exchange(session, request, signal);
  }

  #connect(): Connection {
    const { origin, ca, clock } = this.#options;
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    const session = connect(origin, { settings: { enablePush: false }, ...(ca && { ca }) });
    this.#sessions.add(session);
    const timer = clock.schedule(CONNECT_TIMEOUT_MS, () => {
      reject(new VendorFault("no connection in time"));
      this.#end(session);
    });
    session.once("remoteSettings", () => {
      timer.cancel();
      resolve();
    });
    session.on("goaway", () => this.#leave(session));
    // Of a fault while requests are under way, each of them is told by its own stream.
    session.on("error", (fault) => reject(new VendorFault(`no connection (${codeOf(fault)})`)));
    session.on("close", () => {
      timer.cancel();
      this.#leave(session);
      this.#sessions.delete(session);
      reject(new VendorFault("no connection"));
    });
    // All who wait may have given up.
    ready.catch(() => {});
    return { session, ready };
  }

  /** It takes no further requests. */
  #leave(session: ClientHttp2Session): void {
    if (this.#current?.session === session) this.#current = null;
  }

  /** What is under way on it rejects. */
  #end(session: ClientHttp2Session): void {
    this.#leave(session);
    session.destroy();
  }

  #exchange(
    session: ClientHttp2Session,
    { headers, body }: Http2Request,
    signal: AbortSignal,
  ): Promise<Http2Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Http2Answer>();
    const method = constants.HTTP2_METHOD_POST;
    const stream = requestOf(session, { ...headers, ":method": method }, signal);
    let answered: (IncomingHttpHeaders & IncomingHttpStatusHeader) | null = null;
    let text = "";
    let fault: unknown = null;
    stream.setEncoding("utf8");
    stream.on("response", (received) => {
      answered = received;
    });
    stream.on("data", (chunk: string) => {
      if (text.length < MAX_BODY_CHARACTERS) text += chunk;
    });
    stream.on("error", (error) => {
      fault = error;
    });
    stream.on("close", () => {
      const status = answered?.[":status"];
      if (answered !== null && status !== undefined) {
        resolve({ status, headers: answered, body: text });
      } else if (signal.aborted) {
        this.#doubt(session);
        reject(signal.reason);
      } else {
        reject(faultOf(fault, stream.rstCode));
      }
    });
    stream.end(body);
    return promise;
  }

  /** A peer that vanished without a word would keep requests waiting as long as there are any. */
  #doubt(session: ClientHttp2Session): void {
    if (session.destroyed || this.#doubted.has(session)) return;
    this.#doubted.add(session);
    const timer = this.#options.clock.schedule(PING_TIMEOUT_MS, () => this.#end(session));
    session.ping(() => {
      timer.cancel();
      this.#doubted.delete(session);
    });
  }
}

function requestOf(session: ClientHttp2Session, headers: OutgoingHttpHeaders, signal: AbortSignal) {
  try {
    return session.request(headers, { signal });
  } catch (fault) {
    // The connection has ended since it was chosen.
    throw new UnprocessedFault(`no answer (${codeOf(fault)})`);
  }
}

/** A stream that the peer resets, or that ends with its connection, may end without an error. */
function faultOf(fault: unknown, rstCode: number | undefined): VendorFault {
  const reason = `no answer (${fault === null ? "connection lost" : codeOf(fault)})`;
  return rstCode === constants.NGHTTP2_REFUSED_STREAM
    ? new UnprocessedFault(reason)
    : new VendorFault(reason);
}
