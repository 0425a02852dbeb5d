import type { LinkHandler, Wire } from "./link.ts";

const CLOSE_FRAME = /(^|\n)c\[/;
const OPEN_FRAME = /(^|\n)o\n/;

/** SockJS over HTTP: what the server says comes on one request after another, what is said goes on others. */
export class XhrLink implements Wire {
  readonly #url: string;
  readonly #ending = new AbortController();
  #sending: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(
    port: number,
    readonly handler: LinkHandler,
  ) {
    this.#url = `http://127.0.0.1:${port}/ws/000/${crypto.randomUUID()}`;
  }

  static async open(port: number, handler: LinkHandler): Promise<XhrLink> {
    const link = new XhrLink(port, handler);
    const opened = Promise.withResolvers<void>();
    link.#listen(opened.resolve).then(
      () => link.#closed(),
      (fault: unknown) => {
        opened.reject(fault);
        link.#closed();
      },
    );
    await opened.promise;
    return link;
  }

  /** Each piece is the body of a request; the next waits for its answer. */
  write(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#sending = this.#sending.then(() => this.#send(piece)).catch(() => {});
    }
  }

  end(): void {
    this.#isClosed = true;
    this.#ending.abort();
  }

  async #send(body: Buffer): Promise<void> {
    if (this.#isClosed) return;
    const answer = await fetch(`${this.#url}/xhr_send`, {
      ...{ method: "POST", body: new Uint8Array(body), signal: this.#ending.signal },
    });
    await answer.arrayBuffer();
  }

  async #listen(opened: () => void): Promise<void> {
    let isOpen = false;
    for (let isOver = false; !isOver; ) {
      const { signal } = this.#ending;
      const answer = await fetch(`${this.#url}/xhr_streaming`, { method: "POST", signal });
      if (!answer.ok || answer.body === null) throw new Error(`xhr_streaming: ${answer.status}`);
      for await (const chunk of answer.body) {
        const bytes = Buffer.from(chunk);
        opened();
        const text = bytes.toString("latin1");
        // Opened anew, the server has lost the session.
        isOver ||= CLOSE_FRAME.test(text) || (isOpen && OPEN_FRAME.test(text));
        isOpen ||= OPEN_FRAME.test(text);
        if (!this.#isClosed) this.handler.received(bytes);
      }
    }
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.handler.closed();
  }
}
