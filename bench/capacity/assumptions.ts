/** What users do. Nothing of it is measured: other numbers, other needs. */
export interface Workload {
  /** Connected all the time, with one connection each. */
  readonly users: number;
  readonly messagesPerUserDay: number;
  /** Of a connection that comes, and goes for good. */
  readonly visitsPerUserDay: number;
  /** The busiest second to the average one. */
  readonly peakFactor: number;
  readonly usersPerNode: number;
  /** Of all messages. Conversations of two, and groups of sizes that were measured; 1 in all. */
  readonly mix: readonly { readonly members: number; readonly share: number }[];
  /** Of each message: who reads several at once says so once. */
  readonly readingsPerMessage: number;
  /** So long messages are kept. */
  readonly keptDays: number;
}

/** What one of each holds. Nothing of it is measured either: set what yours hold. */
export interface Units {
  /** A node does its work on one thread. */
  readonly nodeCores: number;
  readonly nodeBytes: number;
  readonly nodeNicBytesPerSecond: number;
  /** A Redis does its work on one thread. */
  readonly redisCores: number;
  readonly redisBytes: number;
  readonly redisNicBytesPerSecond: number;
  readonly postgresCores: number;
  readonly postgresConnections: number;
  /** What its disk writes one behind the other. */
  readonly walBytesPerSecond: number;
  readonly diskBytes: number;
  /**
   * Of Ethernet, IP, TCP and a TLS record around what is sent at once, as if nothing ever went together:
   * 14 + 20 + 32 + 22.
   */
  readonly packetBytes: number;
  /** Of a packet that says no more than that another one has come. */
  readonly ackBytes: number;
  /** Of a connection's TLS handshake, in either direction. */
  readonly handshakeBytes: number;
}

export const USUAL: Workload = {
  ...{ users: 1_000_000, messagesPerUserDay: 20, visitsPerUserDay: 10 },
  ...{ peakFactor: 5, usersPerNode: 18_000, readingsPerMessage: 0.6, keptDays: 90 },
  mix: [
    { members: 2, share: 0.8 },
    { members: 8, share: 0.15 },
    { members: 100, share: 0.05 },
  ],
};

export const UNITS: Units = {
  ...{ nodeCores: 1, nodeBytes: 2 * 2 ** 30, nodeNicBytesPerSecond: 125e6 },
  ...{ redisCores: 1, redisBytes: 4 * 2 ** 30, redisNicBytesPerSecond: 125e6 },
  ...{ postgresCores: 16, postgresConnections: 500, walBytesPerSecond: 200e6, diskBytes: 4e12 },
  ...{ packetBytes: 88, ackBytes: 66, handshakeBytes: 6_000 },
};
