import { connect, createServer, type Server, type Socket } from "node:net";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Pieces that came from either side. */
  readonly pieces: { near: number; far: number };
}

/** A way to a port of this machine, which a test may break. */
export class TcpWay implements Disposable {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs: Set<Pair>;
  #isHeld = false;

  private constructor(server: Server, port: number, pairs: Set<Pair>) {
    this.#server = server;
    this.port = port;
    this.#pairs = pairs;
  }

  static async to(target: number): Promise<TcpWay> {
    const pairs = new Set<Pair>();
    const server = createServer((near) => way.#open(near, target));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    const way = new TcpWay(server, address.port, pairs);
    return way;
  }

  /** Of each connection that there is, how many pieces came by it from the side that sent fewer. */
  get pieces(): readonly number[] {
    return [...this.#pairs].map(({ pieces }) => Math.min(pieces.near, pieces.far));
  }

  /** Ends all connections that go through it. */
  sever(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Nothing goes through any more, not even the end of a connection, as with a cable that is out. */
  hold(): void {
    this.#isHeld = true;
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  /** What was on its way goes on. */
  release(): void {
    this.#isHeld = false;
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  [Symbol.dispose](): void {
    this.#server.close();
    this.sever();
  }

  #open(near: Socket, target: number): void {
    const far = connect(target, "127.0.0.1");
    const pair: Pair = { near, far, pieces: { near: 0, far: 0 } };
    this.#pairs.add(pair);
    const join = (side: "near" | "far", from: Socket, to: Socket) => {
      from.on("data", (bytes) => {
        pair.pieces[side] += 1;
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => {
        if (!this.#isHeld) from.resume();
      });
      from.on("error", () => {}); // It closes too.
      from.on("close", () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    };
    join("near", near, far);
    join("far", far, near);
    if (!this.#isHeld) return;
    near.pause();
    far.pause();
  }
}
