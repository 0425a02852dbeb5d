import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Passes on what goes to a port of this machine, until it falls silent: as a network that is gone. */
export class SilentRelay {
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();
  #isSilent = false;
  #lost = Promise.withResolvers<void>();

  private constructor(targetPort: number) {
    this.#server.on("connection", (near) => {
      const far = connect(targetPort, "127.0.0.1");
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  static async to(targetPort: number): Promise<SilentRelay> {
    const relay = new SilentRelay(targetPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What comes is lost, and connections stay open; or no more. */
  setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent;
    this.#lost = Promise.withResolvers();
  }

  /** Resolves when something has been lost since it fell silent. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Connections break off, without a word of who is behind it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (bytes) => {
      if (this.#isSilent) this.#lost.resolve();
      else to.write(bytes);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
