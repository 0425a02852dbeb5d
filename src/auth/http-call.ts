import type { Clock } from "../clock.ts";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For all of it, to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Empty unless the status is 200: nothing else is read. */
  readonly body: string;
}

/** There is no answer. Its text has nothing of the call, whose URL may hold a secret. */
export class HttpCallError extends Error {
  override readonly name = "HttpCallError";

  constructor(
    readonly kind: "unreachable" | "timeout" | "too-large",
    /** Of the system, such as ECONNREFUSED. */
    readonly code: string | null = null,
  ) {
    super(code === null ? kind : `${kind}: ${code}`);
  }
}

/** Follows no redirect. Rejects with HttpCallError. */
export async function callHttp(call: HttpCall, clock: Clock): Promise<HttpAnswer> {
  const { method, url, headers, body, maxBytes } = call;
  const controller = new AbortController();
  const timer = clock.schedule(call.timeoutMs, () => controller.abort());
  try {
    const { signal } = controller;
    const response = await fetch(url, {
      ...{ method, headers, redirect: "manual", signal },
      ...(body === undefined ? {} : { body }),
    });
    if (response.status === 200) return { status: 200, body: await textOf(response, maxBytes) };
    await response.body?.cancel();
    return { status: response.status, body: "" };
  } catch (fault) {
    if (fault instanceof HttpCallError) throw fault;
    if (controller.signal.aborted) throw new HttpCallError("timeout");
    throw new HttpCallError("unreachable", codeOf(fault));
  } finally {
    timer.cancel();
  }
}

async function textOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new HttpCallError("too-large"); // Leaving the loop ends the transfer.
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function codeOf(fault: unknown): string | null {
  if (!(fault instanceof Error) || !("code" in fault)) return null;
  return typeof fault.code === "string" ? fault.code : null;
}
