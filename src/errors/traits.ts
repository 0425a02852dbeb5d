/** How an error is told, see `ERRORS`. */
export interface ErrorTraits {
  /** What the HTTP API answers. */
  readonly status: number;
  /**
   * Over STOMP, `true` is an ERROR frame and the end of the connection; `false` is a message on the
   * connection's `/user/queue/errors`.
   */
  readonly fatal: boolean;
  /** The same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** For the documentation, in Markdown. */
  readonly meaning: string;
}
