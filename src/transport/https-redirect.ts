import type { Certificate } from "./certificate.ts";

export interface HttpsRedirectOptions {
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** The port of the https URL. */
  readonly publicPort: number;
  /** Other processes of this server listen there too. */
  readonly isShared: boolean;
  /** The one in use. */
  readonly certificate: () => Certificate;
}

const HTTPS_PORT = 443;

/**
 * Answers plain HTTP with the https URL of the same thing, and does nothing else. It names no host
 * that the certificate does not.
 */
export class HttpsRedirect {
  readonly #server: Bun.Server<undefined>;

  /** Listens at once. Throws what the engine throws when it cannot. */
  constructor(options: HttpsRedirectOptions) {
    const { hostname, port, isShared } = options;
    this.#server = Bun.serve({
      ...{ hostname, port, development: false, reusePort: isShared },
      maxRequestBodySize: 1,
      fetch: (request) => redirection(request, options),
      error: () => new Response("INTERNAL\n", { status: 500 }),
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  /** Drops what is left. */
  async terminate(): Promise<void> {
    await this.#server.stop(true);
  }
}

function redirection(
  request: Request,
  { publicPort, certificate }: HttpsRedirectOptions,
): Response {
  const host = request.headers.get("host") ?? "";
  const url = /^[\w.:[\]-]+$/.test(host) ? URL.parse(request.url) : null;
  const name = url?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "";
  if (url === null || !certificate().covers(name)) {
    return new Response("This host is not served here\n", { status: 421 });
  }
  url.protocol = "https:";
  url.port = publicPort === HTTPS_PORT ? "" : `${publicPort}`;
  url.username = "";
  url.password = "";
  return new Response(null, { status: 308, headers: { location: url.href } });
}
