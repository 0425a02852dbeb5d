import type { Clock } from "../clock.ts";
import type { OutboundClient } from "./outbound.ts";
import { retryAfterMs } from "./retry-after.ts";
import { webhookBody } from "./webhook-events.ts";
import type { DueWebhookEvent } from "./webhook-ports.ts";
import type { WebhookSigner } from "./webhook-signature.ts";

export interface WebhookEndpointOptions {
  readonly url: string;
  readonly signer: WebhookSigner;
  readonly client: Pick<OutboundClient, "call">;
  /** For the whole of a call. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export type WebhookAnswer =
  | { readonly kind: "taken" }
  /** This event is refused, or all are: no answer, a server that does not work, a URL that is not there. */
  | {
      readonly kind: "refused" | "failing";
      /** For operators. */
      readonly reason: string;
      /** From now, what the answer asks for; null: nothing. */
      readonly afterMs: number | null;
    }
  /** The call was ended by its caller. */
  | { readonly kind: "aborted" };

/** What says something of the event, and not of all: its body is not understood, or is too large. */
const REFUSING = new Set([400, 409, 413, 415, 422]);
/** [RFC 9110 §15.5.11] It wishes to hear nothing more. */
const GONE = 410;
const GONE_PAUSE_MS = 60 * 60 * 1_000;

/** The app's back end, as it is called. */
export class WebhookEndpoint {
  readonly #options: WebhookEndpointOptions;

  constructor(options: WebhookEndpointOptions) {
    this.#options = options;
  }

  /** Tells it of the event once. Every answer but 2xx is a failure, a redirect too. Never rejects. */
  async tell(event: DueWebhookEvent, signal: AbortSignal): Promise<WebhookAnswer> {
    const { url, signer, client, timeoutMs, clock } = this.#options;
    const ending = new AbortController();
    const timer = clock.schedule(timeoutMs, () => ending.abort());
    const end = () => ending.abort();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      const nowMs = clock.now();
      const body = webhookBody(event, nowMs);
      const headers = {
        "content-type": "application/json",
        ...signer.headers(event.id, nowMs, body),
      };
      const call = { method: "POST", url, headers, body } as const;
      const { status, headers: answered } = await client.call(call, ending.signal);
      if (status >= 200 && status < 300) return { kind: "taken" };
      const kind = REFUSING.has(status) ? "refused" : "failing";
      const askedMs = retryAfterMs(answered.get("retry-after"), clock.now());
      const afterMs = status === GONE ? Math.max(GONE_PAUSE_MS, askedMs ?? 0) : askedMs;
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
