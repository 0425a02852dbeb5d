import type { KeyCaches } from "../../src/web/service-worker/shown-keys.ts";

/** As much of a browser's caches as one entry needs. */
export class MemoryCaches implements KeyCaches {
  readonly #texts = new Map<string, string>();

  async open(name: string): ReturnType<KeyCaches["open"]> {
    const pathOf = (request: RequestInfo | URL) => `${name} ${request}`;
    return {
      match: async (request) => {
        const text = this.#texts.get(pathOf(request));
        return text === undefined ? undefined : new Response(text);
      },
      put: async (request, response) => {
        this.#texts.set(pathOf(request), await response.text());
      },
    };
  }

  /** What the only entry holds. */
  async kept(): Promise<unknown> {
    return JSON.parse([...this.#texts.values()].join());
  }
}
