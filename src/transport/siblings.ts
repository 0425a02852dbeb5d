import { rmSync } from "node:fs";
import type { Log } from "../log.ts";
import { type ProcessPlace, processSocket } from "../process-place.ts";
import type { Door } from "./door.ts";
import { passedOnPeer, passOn } from "./passing-on.ts";
import { corsHeaders, tryLater } from "./sockjs-headers.ts";

export interface SiblingsOptions {
  readonly place: ProcessPlace;
  readonly log: Log;
  readonly maxRequestBodySize: number;
  /** Seconds that a client's connection may be idle, but while its request is with another process. */
  readonly idleTimeout: number;
  /** As for a request that came to this process itself. */
  readonly answer: (request: Request, door: Door) => Response | Promise<Response> | undefined;
  /** This process' own, without those of the others. */
  readonly metrics: () => Promise<string>;
}

/**
 * The process that passes a request on sees to the client's time. The types have it that a Unix domain
 * socket has no such limit; it has, of 10 s, and `timeout` of the server does not lift it.
 */
const NEVER_IDLE: object = { idleTimeout: 0 };

const METRICS_PATH = "/process/metrics";
/** Longer than a process that is well takes, and shorter than a scraper waits. */
const METRICS_MS = 2_000;

/**
 * The other processes of this server. What lives in one process and is asked for over HTTP has an
 * owner that each process works out from its id; a request that came to another one is handed to it.
 */
export class Siblings {
  readonly #options: SiblingsOptions;
  readonly #server: Bun.Server<undefined>;

  /** Takes requests of the others at once. Throws what the engine throws when it cannot. */
  constructor(options: SiblingsOptions) {
    this.#options = options;
    const { place, log, answer, metrics, maxRequestBodySize } = options;
    const unix = processSocket(place, place.number);
    rmSync(unix, { force: true }); // What was killed has left its own.
    this.#server = Bun.serve({
      ...{ unix, maxRequestBodySize, development: false, ...NEVER_IDLE },
      async fetch(request) {
        if (URL.parse(request.url)?.pathname === METRICS_PATH) return new Response(await metrics());
        const address = passedOnPeer(request);
        const door: Door = {
          requestIP: () => (address === null ? null : { address, port: 0, family: "IPv4" }),
          timeout() {},
          upgrade: () => false,
        };
        return (await answer(request, door)) ?? new Response(null, { status: 404 });
      },
      error(err) {
        log.error({ err }, "Internal error");
        return new Response("INTERNAL\n", { status: 500 });
      },
    });
  }

  /** Hands the request to the process of that number. */
  async passOn(request: Request, door: Door, owner: number): Promise<Response> {
    const { place, idleTimeout, log } = this.#options;
    const peerAddress = door.requestIP(request)?.address ?? null;
    // Others wait for what is to be told; a client that sends has its time for it, as everywhere.
    if (URL.parse(request.url)?.pathname.endsWith("_send") !== true) door.timeout(request, 0);
    const onEnd = () => door.timeout(request, idleTimeout);
    try {
      return await passOn(request, processSocket(place, owner), peerAddress, onEnd);
    } catch (err) {
      onEnd();
      if (!request.signal.aborted) log.debug({ err, owner }, "Another process does not answer");
      return tryLater(corsHeaders(request));
    }
  }

  /** The metrics of all processes by their numbers; null: it does not answer. */
  async metrics(): Promise<ReadonlyMap<number, string | null>> {
    const { place, metrics } = this.#options;
    const numbers = Array.from({ length: place.count }, (_, index) => index + 1);
    const ask = async (number: number): Promise<string | null> => {
      if (number === place.number) return await metrics();
      const unix = processSocket(place, number);
      const signal = AbortSignal.timeout(METRICS_MS);
      const answer = await fetch(`http://localhost${METRICS_PATH}`, { unix, signal });
      return await answer.text();
    };
    const texts = numbers.map(async (number) => {
      return [number, await ask(number).catch(() => null)] as const;
    });
    return new Map(await Promise.all(texts));
  }

  /** Takes no more requests; resolves when those under way are answered. */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Drops what is left. */
  terminate(): Promise<void> {
    return this.#server.stop(true);
  }
}
