/**
 * A value that is mostly there at once. The hot path looks with `instanceof Promise` and makes no
 * promise where none is needed; an adapter that must wait returns one.
 */
export type MaybePromise<T> = T | Promise<T>;

/** Continues with the value, at once if it is there. Errors of `value` pass through. */
export function whenReady<T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
