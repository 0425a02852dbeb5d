/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** One of several servers takes the connection, and which one is not told. */
  readonly isBalancer?: boolean;
}

/** What a device knows of the servers. */
export interface Endpoint {
  /** Where it connects next; null while there is nothing to connect to. */
  next(): Address | null;
}
