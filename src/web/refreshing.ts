import { ApiError } from "./requests.ts";
import { backOffMs, type Schedule } from "./timers.ts";

export interface RefreshingOptions {
  /** Asks for everything that may have changed. */
  readonly refresh: () => Promise<void>;
  readonly isOnline: () => boolean;
  readonly schedule: Schedule;
  readonly notify: (text: string) => void;
  readonly onRefused: (message: string) => void;
}

/** Asks anew what may have changed while nobody listened, later again where that fails. */
export class Refreshing {
  readonly #options: RefreshingOptions;
  #failures = 0;
  #cancel: (() => void) | null = null;

  constructor(options: RefreshingOptions) {
    this.#options = options;
  }

  /** A new connection. */
  begin(): void {
    this.#failures = 0;
    this.run();
  }

  run(): void {
    this.#options
      .refresh()
      .then(() => {
        this.#failures = 0;
      })
      .catch(this.fault);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  /** A request failed. What may succeed later is asked again, together with all the rest. */
  readonly fault = (fault: unknown): void => {
    const { notify, onRefused, isOnline, schedule } = this.#options;
    if (fault instanceof ApiError && fault.status === 401) {
      onRefused(fault.message);
      return;
    }
    const isFinal = fault instanceof ApiError && fault.status < 500 && fault.status !== 429;
    if (isFinal) notify(fault.message);
    if (isFinal || !isOnline() || this.#cancel !== null) return;
    this.#failures += 1;
    this.#cancel = schedule(backOffMs(this.#failures), () => {
      this.#cancel = null;
      this.run();
    });
  };
}
