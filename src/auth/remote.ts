/** Where a connection or a request comes from, as its transport knows. */
export interface Remote {
  /** The socket's other end, perhaps a proxy; null: not known. */
  readonly peerAddress: string | null;
  /** The client's: the peer's, or the one that a trusted proxy names. */
  readonly address: string | null;
  /**
   * It came through a proxy, by a name that is not this machine's, or over TCP from another machine:
   * who speaks is elsewhere.
   */
  readonly proxied: boolean;
  /**
   * A header of the HTTP request itself, or of the one that opened the connection; of those that
   * authenticators ask for, see `Authenticator.requestHeaders`. undefined over TCP.
   */
  header(name: string): string | undefined;
  /** Who it is has been proven: what is kept of headers for that may go. A cookie is long. */
  forgetHeaders(): void;
}
