export interface Asked {
  readonly headers: Headers;
  readonly body: string;
}

type Answer = () => Response | Promise<Response>;

/** An app's endpoint that says who connects, over real HTTP, as a test tells it to. */
export class AppEndpoint {
  readonly asked: Asked[] = [];
  /** Answers that come first, one each; then `answer`. */
  readonly next: Answer[] = [];
  answer: Answer = () => Response.json({ userId: "alice" });
  /** The calls that are being answered. */
  open = 0;
  mostOpen = 0;
  readonly #server;
  #waiting: (() => void)[] = [];

  constructor() {
    this.#server = Bun.serve({
      ...{ port: 0, hostname: "127.0.0.1", idleTimeout: 0 },
      fetch: async (request) => {
        this.asked.push({ headers: request.headers, body: await request.text() });
        this.open += 1;
        this.mostOpen = Math.max(this.mostOpen, this.open);
        for (const wake of this.#waiting.splice(0)) wake();
        try {
          return await (this.next.shift() ?? this.answer)();
        } finally {
          this.open -= 1;
        }
      },
    });
  }

  get url(): string {
    return this.#server.url.href;
  }

  /** Resolves when so many calls have come. */
  async calls(count: number): Promise<void> {
    while (this.asked.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }
}
