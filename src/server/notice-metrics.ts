import { Gauge, type Registry } from "prom-client";
import type { MaybePromise } from "../maybe-promise.ts";
import type { FailingServer } from "../notify/notice-servers.ts";

/** What waits to be told, in the store; of all nodes that share it. */
export interface WaitingSource {
  readonly notices: { waiting(): MaybePromise<number> };
  readonly webhooks: { waiting(): MaybePromise<number> };
}

/** What fails of all that tells users who are not there, and the app's back end; on the node that sends. */
export interface FailingSource {
  /** Those that the server has. */
  readonly channels: readonly FailingServer["channel"][];
  failing(): readonly FailingServer[];
}

export function measureFailing({ channels, failing }: FailingSource, registry: Registry): void {
  new Gauge({
    name: "parley_notice_servers_failing",
    help: "Servers that are left alone but for single sends, since they fail (open circuits), by channel.",
    ...{ labelNames: ["channel"], registers: [registry] },
    collect() {
      for (const channel of channels) this.set({ channel }, 0);
      for (const { channel } of failing()) this.inc({ channel });
    },
  });
}

/** What of it is not known, the store being away, is left out. */
export function measureWaiting({ notices, webhooks }: WaitingSource, registry: Registry): void {
  const read = (name: string, help: string, waiting: () => MaybePromise<number>) =>
    new Gauge({
      ...{ name, help, registers: [registry] },
      async collect() {
        this.remove();
        try {
          this.set(await waiting());
        } catch {
          // Health says so.
        }
      },
    });
  read(
    "parley_notices_waiting",
    "Messages and notices that wait to be told to users who are not there; counted up to 10,000.",
    () => notices.waiting(),
  );
  read(
    "parley_webhook_events_waiting",
    "Events that wait for the event webhook; counted up to 10,000.",
    () => webhooks.waiting(),
  );
}
