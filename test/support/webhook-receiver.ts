/** A call that has come. */
export interface ReceivedWebhook {
  readonly id: string;
  /** Its signature is of the receiver's secret, and it was sent about now. */
  readonly isGenuine: boolean;
  readonly timestampSeconds: number;
  readonly headers: Headers;
  readonly path: string;
  readonly text: string;
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: EventData };
}

type EventData = Readonly<Record<string, unknown>>;
type Answer = (call: ReceivedWebhook) => Response | Promise<Response>;

/** Of another clock, so much. */
const TOLERANCE_SECONDS = 300;

/** The app's back end, as an HTTP server on loopback that verifies what comes by Standard Webhooks. */
export class WebhookReceiver implements Disposable {
  /** In the order of their coming. */
  readonly calls: ReceivedWebhook[] = [];
  /** By default it takes all. */
  answer: Answer = () => new Response(null, { status: 204 });
  /** Those under way together, at most. */
  mostAtOnce = 0;
  #atOnce = 0;
  #waiting: { count: number; resolve: () => void }[] = [];
  readonly #key: Promise<CryptoKey>;
  readonly #server: Bun.Server<undefined>;

  constructor(
    readonly secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    readonly now: () => number = Date.now,
  ) {
    const bytes = Uint8Array.fromBase64(secret.slice("whsec_".length));
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    this.#key = crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
    this.#server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: (request) => this.#receive(request),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/events`;
  }

  /** Resolves when so many calls have come since the start. */
  received(count: number): Promise<void> {
    if (this.calls.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }

  async #receive(request: Request): Promise<Response> {
    const text = await request.text();
    const { headers, url } = request;
    const id = headers.get("webhook-id") ?? "";
    const timestampSeconds = Number(headers.get("webhook-timestamp"));
    const isOfNow = Math.abs(this.now() / 1_000 - timestampSeconds) < TOLERANCE_SECONDS;
    const isGenuine = isOfNow && (await this.#isSigned(headers, text));
    const { pathname: path } = new URL(url);
    const call = { id, isGenuine, timestampSeconds, headers, path, text, body: JSON.parse(text) };
    this.calls.push(call);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    for (const { count, resolve } of this.#waiting) if (this.calls.length >= count) resolve();
    try {
      return await this.answer(call);
    } finally {
      this.#atOnce -= 1;
    }
  }

  async #isSigned(headers: Headers, text: string): Promise<boolean> {
    const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`;
    for (const signature of (headers.get("webhook-signature") ?? "").split(" ")) {
      const [version, base64 = ""] = signature.split(",");
      if (version !== "v1") continue;
      const given = Uint8Array.fromBase64(base64);
      const bytes = new TextEncoder().encode(signed);
      if (await crypto.subtle.verify("HMAC", await this.#key, given, bytes)) return true;
    }
    return false;
  }
}
