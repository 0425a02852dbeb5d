import type { Clock } from "../clock.ts";
import { webhookBody } from "./webhook-events.ts";
import type { DueWebhookEvent } from "./webhook-ports.ts";
import type { WebhookSigner } from "./webhook-signature.ts";

/** Calls a URL once, unless it leads where none may. */
export interface OutboundCalls {
  /**
   * Follows no redirect. Rejects, with what operators may read as its message, when there is no answer,
   * and when the signal aborts.
   */
  call(
    call: {
      readonly method: "POST";
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    },
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly headers: Headers }>;
}

export interface WebhookEndpointOptions {
  readonly url: string;
  readonly signer: WebhookSigner;
  readonly calls: OutboundCalls;
  /** For the whole of a call. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export type WebhookAnswer =
  | { readonly kind: "taken" }
  /** This event is refused, or all are: no answer, a server that does not work, a URL that is not there. */
  | { readonly kind: "refused" | "failing"; readonly reason: string; readonly afterMs: number | null }
  /** The call was ended by its caller. */
  | { readonly kind: "aborted" };

/** What says something of the event, and not of all: its body is not understood, or is too large. */
const REFUSING = new Set([400, 409, 413, 415, 422]);

/** The app's back end, as it is called. */
export class WebhookEndpoint {
  readonly #options: WebhookEndpointOptions;

  constructor(options: WebhookEndpointOptions) {
    this.#options = options;
  }

  /** Tells it of the event once. Every answer but 2xx is a failure, a redirect too. Never rejects. */
  async tell(event: DueWebhookEvent, signal: AbortSignal): Promise<WebhookAnswer> {
    const { url, signer, calls, timeoutMs, clock } = this.#options;
    const nowMs = clock.now();
    const body = webhookBody(event, nowMs);
    const headers = { "content-type": "application/json", ...signer.headers(event.id, nowMs, body) };
    const ending = new AbortController();
    const timer = clock.schedule(timeoutMs, () => ending.abort());
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      const call = { method: "POST", url, headers, body } as const;
      const { status, headers: answered } = await calls.call(call, ending.signal);
      if (status >= 200 && status < 300) return { kind: "taken" };
      const kind = REFUSING.has(status) ? "refused" : "failing";
      const afterMs = retryAfterMs(answered.get("retry-after"), clock.now());
      return { kind, reason: `answered ${status}`, afterMs };
    } catch (fault) {
      if (signal.aborted) return { kind: "aborted" };
      const reason = ending.signal.aborted ? `no answer in ${timeoutMs} ms` : reasonOf(fault);
      return { kind: "failing", reason, afterMs: null };
    } finally {
      timer.cancel();
      signal.removeEventListener("abort", end);
    }
  }
}

function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message : "unreachable";
}
