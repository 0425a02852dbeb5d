import type { JWK } from "jose";

/** An issuer's JWKS endpoint, over real HTTP, that does as a test tells it. */
export class KeyEndpoint {
  requests = 0;
  /** How the next requests are answered. */
  answer: () => Response | Promise<Response>;
  readonly #server;

  constructor(keys: readonly JWK[]) {
    this.answer = () => Response.json({ keys });
    this.#server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1" },
      fetch: (request) => {
        if (new URL(request.url).pathname !== "/jwks.json") return Response.json({ keys });
        this.requests += 1;
        return this.answer();
      },
    });
  }

  get url(): string {
    return new URL("/jwks.json", this.#server.url).href;
  }

  publish(...keys: readonly JWK[]): void {
    this.answer = () => Response.json({ keys });
  }

  fail(): void {
    this.answer = () => new Response("not now", { status: 503 });
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}
