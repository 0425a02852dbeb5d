/** Who a connection or a request belongs to, as an authentication has proven it. */
export interface Principal {
  readonly userId: string;
  /** What others see as `senderName`, unless the user's profile has a name. */
  readonly name: string;
  /** What access rules ask for. */
  readonly roles: readonly string[];
  /** When the proof was issued, in epoch milliseconds; null: not known. A revocation ends older ones. */
  readonly issuedMs: number | null;
  /** Epoch milliseconds after which the proof no longer holds; null: as long as the connection. */
  readonly expiresMs: number | null;
  /** By which the proof alone can be revoked (`jti`); null: it has none. */
  readonly tokenId: string | null;
  /** The proof is a cookie, which browsers send whether or not their user wants it (CSRF). */
  readonly byCookie: boolean;
}
