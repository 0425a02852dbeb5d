import type { Clock } from "../clock.ts";
import { codeOf } from "./fault-code.ts";
import type { Delivery, NoticeProvider, SendOutcome } from "./provider.ts";

/**
 * One send that takes no longer than it may, whatever the provider does: what is aborted may have
 * arrived, and is a `retry`. Never rejects.
 */
export async function sendWithin(
  provider: NoticeProvider,
  delivery: Delivery,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<SendOutcome> {
  const controller = new AbortController();
  const aborted = new Promise<SendOutcome>((resolve) => {
    controller.signal.addEventListener("abort", () => {
      const reason = "no answer in time";
      resolve({ kind: "retry", blames: "provider", reason, afterMs: null });
    });
  });
  const abort = () => controller.abort();
  const timer = clock.schedule(timeoutMs, abort);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([provider.send(delivery, controller.signal), aborted]);
  } catch (fault) {
    // What a fault says that no provider has foreseen may quote what was to be sent.
    const reason = `the provider failed (${codeOf(fault)})`;
    // It may be for what is to be sent, and is no reason to send nothing else.
    return { kind: "retry", blames: "target", reason, afterMs: null };
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", abort);
  }
}
