import type { Backplane } from "../broker/backplane.ts";

/** That of a node which is alone. */
export class LocalBackplane implements Backplane {
  readonly isShared = false;
  readonly isConnected = true;
  readonly counts = { out: 0, in: 0, dropped: 0, invalid: 0, reconnects: 0 };

  constructor(readonly nodeId: string) {}

  start(): void {}
  publish(): void {}
  subscribe(): void {}
  unsubscribe(): void {}
  subscribePrefix(): void {}
  unsubscribePrefix(): void {}
  async close(): Promise<void> {}
}
