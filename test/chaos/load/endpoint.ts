/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a device knows of the servers. */
export interface Endpoint {
  /** Where it connects next; null while there is nothing to connect to. */
  next(): Address | null;
}
