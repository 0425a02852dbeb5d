import { credentials, type Identity } from "./identity.ts";
import { type SendFileOptions, sendFile } from "./send-file.ts";

/** The server's answer to a request that it refused. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly isRetryable = false,
  ) {
    super(detail);
  }
}

export type Query = Readonly<Record<string, string | number>>;

/**
 * Requests to the HTTP API in the user's name. Each resolves with the answer's JSON, null where it has
 * no body, and fails with ApiError, or TypeError without a network.
 */
export class Requests {
  readonly #headers: Record<string, string>;

  constructor(identity: Identity) {
    this.#headers = credentials(identity);
  }

  get(path: string, query: Query = {}): Promise<unknown> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) search.set(name, String(value));
    const address = search.size === 0 ? path : `${path}?${search}`;
    return this.#request(address, { headers: this.#headers });
  }

  send(
    method: string,
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const init = { method, headers: { ...this.#headers, ...headers } };
    if (body === undefined) return this.#request(path, init);
    const withType = { ...init.headers, "Content-Type": "application/json" };
    return this.#request(path, { ...init, headers: withType, body: JSON.stringify(body) });
  }

  /** Fails also with the signal's reason. */
  async sendFile(
    path: string,
    file: File,
    options: Omit<SendFileOptions, "headers">,
  ): Promise<unknown> {
    return await answerOf(await sendFile(path, file, { ...options, headers: this.#headers }));
  }

  async #request(path: string, init: RequestInit): Promise<unknown> {
    return await answerOf(await fetch(path, init));
  }
}

/** null: the answer has no body. */
async function answerOf(response: Response): Promise<unknown> {
  const { ok, status } = response;
  if (ok) return status === 204 ? null : await response.json();
  // A proxy refuses in a page of its own, mostly what is too large for it.
  const body: unknown = await response.json().catch(() => null);
  const code = textIn(body, "code") || (status === 413 ? "ATTACHMENT_TOO_LARGE" : "");
  const isRetryable = fieldIn(body, "retryable") === true || (body === null && status >= 500);
  throw new ApiError(status, code, textIn(body, "detail"), isRetryable);
}

function textIn(body: unknown, name: string): string {
  const value = fieldIn(body, name);
  return typeof value === "string" ? value : "";
}

function fieldIn(body: unknown, name: string): unknown {
  return typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
}
