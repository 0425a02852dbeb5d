/** Waits for what others wait for too, which goes on when this one gives up. Rejects as either does. */
export async function abortable<T>(shared: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted.promise, shared]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
