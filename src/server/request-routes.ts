import type { Hono } from "hono";
import type { ApiEnvironment } from "../http/api.ts";
import { UPLOADS_PATH } from "../http/attachments-api.ts";
import type { Page } from "../http/page.ts";
import { ownerOf, type ProcessPlace } from "../process-place.ts";
import { isBodyTooLong } from "../transport/body-text.ts";
import type { Door } from "../transport/door.ts";
import { mailboxOf } from "../transport/event-cursor.ts";
import { type RemotePolicy, remoteOf } from "../transport/remote.ts";
import type { Siblings } from "../transport/siblings.ts";
import type { SockJsEndpoint } from "../transport/sockjs-endpoint.ts";

export interface RequestRoutesOptions {
  readonly endpoints: readonly SockJsEndpoint[];
  readonly page: Page;
  readonly api: Hono<ApiEnvironment>;
  readonly remotes: RemotePolicy;
  /** null: the only process of the server. */
  readonly place: ProcessPlace | null;
  /** The other processes, once they are listened to; null: there are none. */
  readonly siblings: () => Siblings | null;
  /** Of a request that is no file. */
  readonly bodyBytes: number;
  /** Seconds that a client may be idle. */
  readonly idleTimeout: number;
}

/** undefined: the request has become a WebSocket. */
export type Answer = Response | Promise<Response> | undefined;

/** Which part of the server answers a request. */
export class RequestRoutes {
  readonly #options: RequestRoutesOptions;

  constructor(options: RequestRoutesOptions) {
    this.#options = options;
  }

  /** @param isPassedOn another process has handed it to this one, whose it is */
  answer(request: Request, door: Door, isPassedOn: boolean): Answer {
    const { endpoints, page, bodyBytes } = this.#options;
    const pathname = URL.parse(request.url)?.pathname;
    if (pathname === undefined) return new Response("The Host is no host\n", { status: 400 });
    if (pathname !== UPLOADS_PATH && isBodyTooLong(request, bodyBytes)) {
      return new Response(null, { status: 413 });
    }
    const endpoint = endpoints.find((candidate) => candidate.covers(pathname));
    const { place } = this.#options;
    const siblings = this.#options.siblings();
    if (siblings !== null && place !== null && !isPassedOn) {
      const id = endpoint ? endpoint.sessionOf(pathname) : mailboxOf(request, pathname);
      const owner = id === null ? place.number : ownerOf(place, id);
      if (owner !== place.number) return siblings.passOn(request, door, owner);
    }
    if (endpoint !== undefined) return endpoint.fetch(request, door, pathname);
    if (page.covers(request, pathname)) return page.fetch(request, pathname);
    return this.#askApi(request, door);
  }

  #askApi(request: Request, door: Door): Response | Promise<Response> {
    const { api, remotes, bodyBytes, idleTimeout } = this.#options;
    return api.fetch(request, {
      ...{ remote: remoteOf(request, door, remotes), bodyBytes },
      takeTime() {
        door.timeout(request, 0);
        return { done: () => door.timeout(request, idleTimeout) };
      },
    });
  }
}
