import type { Socket } from "bun";

/** What a client has to write on. */
export interface Wire {
  write(pieces: readonly Buffer[]): void;
  /** Without a good-bye. */
  end(): void;
}

export interface LinkHandler {
  received(bytes: Buffer): void;
  closed(): void;
}

/** A socket to the server, behind the carrier's handshake. */
export class Link implements Wire {
  readonly #opened = Promise.withResolvers<void>();
  #socket: Socket | null = null;
  #isOpen = false;
  #isClosed = false;
  #answer: Buffer = Buffer.alloc(0);
  #unsent: Buffer = Buffer.alloc(0);

  private constructor(
    readonly handshake: string | null,
    readonly handler: LinkHandler,
  ) {}

  /** Rejects when the server does not let it in. */
  static async open(port: number, handshake: string | null, handler: LinkHandler): Promise<Link> {
    const link = new Link(handshake, handler);
    await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => link.#connected(socket),
        data: (_socket, bytes) => link.#received(Buffer.from(bytes)),
        drain: () => link.#flush(),
        close: () => link.#closed(),
        error: () => link.#closed(),
      },
    });
    await link.#opened.promise;
    return link;
  }

  write(pieces: readonly Buffer[]): void {
    if (this.#isClosed) return;
    this.#unsent = Buffer.concat([this.#unsent, ...pieces]);
    this.#flush();
  }

  end(): void {
    this.#isClosed = true;
    this.#socket?.end();
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    if (this.handshake === null) {
      this.#isOpen = true;
      this.#opened.resolve();
    } else {
      this.write([Buffer.from(this.handshake)]);
    }
  }

  #received(bytes: Buffer): void {
    if (this.#isOpen) {
      this.handler.received(bytes);
      return;
    }
    this.#answer = Buffer.concat([this.#answer, bytes]);
    const end = this.#answer.indexOf("\r\n\r\n");
    if (end === -1) return;
    const status = this.#answer.toString("latin1", 0, 40);
    if (!status.startsWith("HTTP/1.1 101")) {
      this.#opened.reject(new Error(`The handshake was refused: ${status}`));
      return;
    }
    this.#isOpen = true;
    this.#opened.resolve();
    const rest = this.#answer.subarray(end + 4);
    if (rest.length > 0) this.handler.received(rest);
  }

  #flush(): void {
    if (this.#unsent.length === 0 || this.#socket === null) return;
    const written = Math.max(0, this.#socket.write(this.#unsent));
    this.#unsent = this.#unsent.subarray(written);
  }

  #closed(): void {
    this.#opened.reject(new Error("The connection was closed before it was open"));
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.handler.closed();
  }
}
