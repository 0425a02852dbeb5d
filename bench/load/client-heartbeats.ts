import type { StompClient } from "./stomp-client.ts";

/** They are spread over so many slots of the interval. */
const SLOTS = 100;

/** Heart-beats of many clients. A slot that its timer missed, for other work, is made good. */
export class ClientHeartbeats {
  readonly #clients: readonly StompClient[];
  readonly #slotMs: number;
  readonly #timer: Timer;
  readonly #startMs = performance.now();
  #slot = 0;

  /** Begins. @param clients may change while it runs */
  constructor(clients: readonly StompClient[], intervalMs: number) {
    this.#clients = clients;
    this.#slotMs = intervalMs / SLOTS;
    this.#timer = setInterval(() => this.#beat(), this.#slotMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #beat(): void {
    for (; this.#slot * this.#slotMs <= performance.now() - this.#startMs; this.#slot += 1) {
      const first = this.#slot % SLOTS;
      for (let at = first; at < this.#clients.length; at += SLOTS) this.#clients[at]?.send("\n");
    }
  }
}
