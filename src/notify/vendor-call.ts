import type { Clock } from "../clock.ts";
import { codeOf } from "./fault-code.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface VendorAnswer {
  readonly status: number;
  /** null: the vendor does not say when to come again. */
  readonly afterMs: number | null;
  /** Of the body as much as is read; what is longer is cut. */
  readonly body: string;
}

/** Why something could not be sent, in words for operators: nothing of what was to be sent. */
export class VendorFault extends Error {
  override readonly name = "VendorFault";

  constructor(
    reason: string,
    /** Not before so long from now; null: any time. */
    readonly afterMs: number | null = null,
  ) {
    super(reason);
  }
}

/** What vendors say of themselves fits many times over. */
const MAX_BYTES = 64 * 1024;

/** Follows no redirect. Rejects with VendorFault without an answer, and as the signal says. */
export async function callVendor(
  url: string,
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<VendorAnswer> {
  try {
    const response = await fetch(url, { ...request, method: "POST", redirect: "manual", signal });
    return {
      status: response.status,
      afterMs: retryAfterMs(response.headers.get("retry-after"), clock.now()),
      body: await textOf(response),
    };
  } catch (fault) {
    signal.throwIfAborted();
    throw new VendorFault(`no answer (${codeOf(fault)})`);
  }
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) break; // Leaving the loop ends the transfer.
  }
  return Buffer.concat(chunks).toString("utf8", 0, MAX_BYTES);
}

/** Of JSON that should be an object and may be anything. */
export function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
