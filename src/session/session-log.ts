import type { Principal } from "../auth/principal.ts";
import type { AppError } from "../errors.ts";
import type { Frame } from "../stomp/frame.ts";
import type { SessionEnvironment } from "./environment.ts";
import { UntoldRefusals } from "./untold-refusals.ts";

/** What the log says of one connection. */
export class SessionLog {
  readonly #environment: SessionEnvironment;
  readonly #session: string;
  /** Made at the first one: most clients listen. */
  #untold: UntoldRefusals | null = null;

  constructor(environment: SessionEnvironment, session: string) {
    this.#environment = environment;
    this.#session = session;
  }

  /** It ends with an ERROR. */
  failed(error: AppError, frame: Frame | null, principal: Principal | null): void {
    const { code } = error;
    this.#internal(error, frame);
    this.#environment.observer.refused(code);
    const fields = { code, session: this.#session, user: principal?.userId };
    this.#environment.log.info(fields, "Connection refused with an ERROR");
  }

  /** Counted by operators: its messages wait for its return. */
  cutOff(cause: "slow-reader" | "overload", principal: Principal | null): void {
    this.#environment.observer.cutOff(cause);
    const fields = { cause, session: this.#session, user: principal?.userId };
    this.#environment.log.info(fields, "Connection ended that did not take what was sent to it");
  }

  /** A frame is refused, and the connection goes on. */
  refused(error: AppError, frame: Frame): void {
    this.#internal(error, frame);
    this.#environment.observer.refused(error.code);
  }

  /** A frame is refused, and its client has no subscription to its errors. */
  untold({ code }: AppError, frame: Frame, { userId }: Principal): void {
    const { log, clock } = this.#environment;
    const destination = destinationOf(frame);
    this.#untold ??= new UntoldRefusals(log, clock);
    this.#untold.add({ code, destination, user: userId });
  }

  #internal(error: AppError, frame: Frame | null): void {
    if (error.code !== "INTERNAL") return;
    const destination = destinationOf(frame);
    const fields = { err: error.cause ?? error, destination, session: this.#session };
    this.#environment.log.error(fields, "Internal error");
  }
}

function destinationOf(frame: Frame | null): string {
  return frame?.header("destination") ?? "";
}
