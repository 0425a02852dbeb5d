/** Who a connection or a request belongs to, as an authentication has proven it. */
export interface Principal {
  readonly userId: string;
  /** What others see as `senderName`. */
  readonly name: string;
  /** Epoch milliseconds after which the proof no longer holds; null: as long as the connection. */
  readonly expiresMs: number | null;
}
