import { createHmac } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { CallSlots } from "./call-slots.ts";
import { CircuitBreaker, type Outcome } from "./circuit-breaker.ts";
import { callHttp, type HttpAnswer, HttpCallError } from "./http-call.ts";

export interface WebhookCallsOptions {
  readonly url: string;
  /** Signs the calls; undefined: they are not signed. */
  readonly secret?: string | undefined;
  /** For the whole of it: the wait for a slot, the call, and its repetition. */
  readonly timeoutMs: number;
  readonly concurrentCalls: number;
  readonly waitingCalls: number;
  readonly failures: number;
  readonly failureWindowMs: number;
  readonly pauseMs: number;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
}

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const MAX_ANSWER_BYTES = 64 * 1024;
const SHORTEST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 250;

/** Calls the app's endpoint, so many at a time, and leaves it alone while it fails. */
export class WebhookCalls {
  readonly #options: WebhookCallsOptions;
  readonly #slots: CallSlots;
  readonly #breaker: CircuitBreaker;

  constructor(options: WebhookCallsOptions) {
    this.#options = options;
    const { concurrentCalls, waitingCalls, clock, log } = options;
    this.#slots = new CallSlots(concurrentCalls, waitingCalls, clock);
    this.#breaker = new CircuitBreaker({
      ...{ failures: options.failures, windowMs: options.failureWindowMs },
      ...{ pauseMs: options.pauseMs, clock },
      onOpened: () => log.error({}, "The webhook keeps failing: nobody is asked for a while"),
      onClosed: () => log.info({}, "The webhook answers again"),
    });
  }

  /** null: there is no answer, or one that says that the endpoint has failed. */
  async post(request: WebhookRequest): Promise<HttpAnswer | null> {
    const { clock, timeoutMs } = this.#options;
    if (this.#breaker.isOpen) return null;
    const endMs = clock.monotonicMs() + timeoutMs;
    if (!(await this.#slots.acquire(timeoutMs))) {
      this.#options.log.warn({}, "Too many wait for the webhook: one is refused");
      return null;
    }
    try {
      return await this.#postUnlessOpen(request, endMs);
    } finally {
      this.#slots.release();
    }
  }

  async #postUnlessOpen(request: WebhookRequest, endMs: number): Promise<HttpAnswer | null> {
    const ended = this.#breaker.admit();
    if (ended === null) return null;
    let outcome: Outcome = "failed";
    try {
      const answer = await this.#postTwice(request, endMs);
      if (answer instanceof HttpCallError) {
        this.#options.log.warn({ reason: answer.message }, "The webhook does not answer");
        return null;
      }
      if (isFailure(answer)) {
        this.#options.log.warn({ status: answer.status }, "The webhook fails");
        return null;
      }
      outcome = "succeeded";
      return answer;
    } finally {
      ended(outcome);
    }
  }

  /** One failure may be an accident, such as a restart; the repetition does not come at once. */
  async #postTwice(request: WebhookRequest, endMs: number): Promise<HttpAnswer | HttpCallError> {
    const { clock, random } = this.#options;
    const first = await this.#call(request, endMs);
    const pauseMs = SHORTEST_RETRY_MS + random() * (LONGEST_RETRY_MS - SHORTEST_RETRY_MS);
    if (!mayRepeat(first) || clock.monotonicMs() + pauseMs >= endMs) return first;
    await new Promise<void>((resolve) => clock.schedule(pauseMs, resolve));
    return await this.#call(request, endMs);
  }

  async #call({ headers, body }: WebhookRequest, endMs: number) {
    const { url, clock } = this.#options;
    const call = {
      ...({ method: "POST", url, body } as const),
      headers: {
        ...headers,
        ...{ "content-type": "application/json", accept: "application/json" },
        ...this.#signature(body),
      },
      timeoutMs: Math.max(0, endMs - clock.monotonicMs()),
      maxBytes: MAX_ANSWER_BYTES,
    };
    try {
      return await callHttp(call, clock);
    } catch (fault) {
      if (fault instanceof HttpCallError) return fault;
      throw fault;
    }
  }

  /** Over the time as well, so that a call that was seen cannot be made again later. */
  #signature(body: string): Record<string, string> {
    const { secret, clock } = this.#options;
    if (secret === undefined) return {};
    const seconds = Math.floor(clock.now() / 1000);
    const hmac = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
    return { "x-parley-signature": `t=${seconds},v1=${hmac}` };
  }
}

/** The endpoint says itself that it does not work; whatever else it answers, it does. */
function isFailure({ status }: HttpAnswer): boolean {
  return status >= 500 || status === 429;
}

/** What came too late, or is too large, would be so again. */
function mayRepeat(answer: HttpAnswer | HttpCallError): boolean {
  return answer instanceof HttpCallError ? answer.kind === "unreachable" : answer.status >= 500;
}
