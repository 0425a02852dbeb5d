import { holdPort, listening } from "../transport/listening.ts";

/** Of the settings, where a server listens. */
export interface ListeningSettings {
  readonly host: string;
  readonly port: number;
  readonly tcp: { readonly host: string; readonly port?: number | undefined };
  readonly tls: {
    readonly certFile?: string | undefined;
    readonly redirectPort?: number | undefined;
  };
}

const STARTING =
  "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/**
 * The ports of a server that is yet to start: one that is taken is told of before anything is opened,
 * and nobody else can take one while the database is. They are let go of in the turn in which the server
 * listens itself. Over plain HTTP it answers 503 until then.
 */
export class PortClaims {
  readonly #releases: (() => void)[] = [];

  /** Throws INVALID_CONFIGURATION when one of them is taken; then it has none. */
  constructor({ host, port, tcp, tls }: ListeningSettings) {
    const isPlain = tls.certFile === undefined;
    const wanted = [
      ["port", host, port, isPlain ? STARTING : ""],
      ["tcp.port", tcp.host, tcp.port, ""],
      ["tls.redirect_port", host, tls.redirectPort, STARTING],
    ] as const;
    try {
      for (const [setting, hostname, each, answer] of wanted) {
        if (each === undefined) continue;
        const hold = () => holdPort({ hostname, port: each }, answer);
        this.#releases.push(listening(setting, { host: hostname, port: each }, hold));
      }
    } catch (fault) {
      this.release();
      throw fault;
    }
  }

  /** Idempotent. */
  release(): void {
    for (const release of this.#releases.splice(0)) release();
  }
}
