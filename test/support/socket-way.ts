import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";

interface Pair {
  other: Socket<Pair> | null;
  isFrozen: boolean;
  readonly waiting: Uint8Array[];
}

/** A way to a PostgreSQL's unix socket, which may go silent without a word to either side. */
export class SocketWay implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "parley-way-"));
  readonly #pairs = new Set<Pair>();
  readonly #listener;

  constructor(target: string) {
    const name = ".s.PGSQL.5432";
    const take = (socket: Socket<Pair>, data: Uint8Array) => {
      const { other, isFrozen, waiting } = socket.data;
      if (isFrozen) return;
      if (other === null) waiting.push(Uint8Array.from(data));
      else other.write(data);
    };
    const close = ({ data }: Socket<Pair>) => {
      if (!data.isFrozen) data.other?.end();
    };
    const pairs = this.#pairs;
    this.#listener = Bun.listen<Pair>({
      unix: join(this.folder, name),
      socket: {
        open(socket) {
          const here: Pair = { other: null, isFrozen: false, waiting: [] };
          socket.data = here;
          pairs.add(here);
          const there: Pair = { other: socket, isFrozen: false, waiting: [] };
          pairs.add(there);
          void Bun.connect<Pair>({
            unix: join(target, name),
            data: there,
            socket: { data: take, close },
          }).then((opened) => {
            here.other = opened;
            for (const data of here.waiting.splice(0)) opened.write(data);
          });
        },
        data: take,
        close,
      },
    });
  }

  /** Of the connections that there are nothing comes through any more, not even their end. */
  freeze(): void {
    for (const pair of this.#pairs) pair.isFrozen = true;
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
    rmSync(this.folder, { recursive: true });
  }
}
