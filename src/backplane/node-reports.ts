import type { BackplaneListener } from "../broker/backplane.ts";

/** What a backplane counts, and what its node is told of it: nothing before `begin` and after `end`. */
export class NodeReports {
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };
  readonly #secrets: readonly string[];
  #listener: BackplaneListener | null = null;
  /** undefined until there is something to tell. */
  #told: string | null | undefined;

  /** @param secrets what a server may repeat, since it was told it, and nobody else may read */
  constructor(...secrets: readonly (string | undefined)[]) {
    this.#secrets = secrets.filter((secret) => secret !== undefined && secret !== "") as string[];
  }

  /** Somebody is told. */
  get isHeard(): boolean {
    return this.#listener !== null;
  }

  begin(listener: BackplaneListener): void {
    this.#listener = listener;
  }

  end(): void {
    this.#listener = null;
  }

  received(origin: string, channel: string, payload: Uint8Array): void {
    if (this.#listener === null) return;
    this.counts.in += 1;
    this.#listener.received(origin, channel, payload);
  }

  subscribed(channel: string): void {
    this.#listener?.subscribed(channel);
  }

  gap(): void {
    this.#listener?.gap();
  }

  /**
   * One of the connections is there.
   *
   * @param isAgain it had been there before
   * @param isConnected so are all others
   */
  ready(isAgain: boolean, isConnected: boolean): void {
    if (isAgain) this.counts.reconnects += 1;
    if (isConnected) this.#tell(null);
  }

  lost(reason: string): void {
    this.#tell(
      this.#secrets.reduce((text, secret) => text.replaceAll(secret, "[redacted]"), reason),
    );
  }

  /** Each change once, however many attempts it takes. */
  #tell(reason: string | null): void {
    if (this.#told === reason) return;
    this.#told = reason;
    this.#listener?.changed(reason);
  }
}
