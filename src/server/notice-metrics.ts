import { Gauge, type Registry } from "prom-client";
import type { MaybePromise } from "../maybe-promise.ts";

/** What waits to be told, in the store; of all nodes that share it. */
export interface WaitingSource {
  readonly notices: { waiting(): MaybePromise<number> };
  readonly webhooks: { waiting(): MaybePromise<number> };
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
