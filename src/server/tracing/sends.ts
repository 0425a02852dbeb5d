import type { Span } from "@opentelemetry/api";
import { routeOf } from "../../app/destinations.ts";
import type { AppRouter } from "../../app/router.ts";
import { type AppError, toAppError } from "../../errors.ts";
import { RECEIPT_DEFERRED } from "../../session/ports.ts";
import type { Session } from "../../session/session.ts";
import type { Frame } from "../../stomp/frame.ts";
import type { Spans } from "./spans.ts";

type Router = Pick<AppRouter, "handle">;

/** A span for each SEND to `/app/**`, until it is answered: of a message, until it is on disk. */
export class TracedSends implements Router {
  readonly #router: Router;
  readonly #spans: Spans;
  /** Of those that are answered later. A connection that is lost before takes its own along. */
  readonly #waiting = new WeakMap<Frame, Span>();
  /** What is answered within its own handling was not waiting for a commit. */
  #isHandling = false;

  constructor(router: Router, spans: Spans) {
    this.#router = router;
    this.#spans = spans;
  }

  handle(session: Session, destination: string, frame: Frame): ReturnType<Router["handle"]> {
    const route = routeOf(destination) ?? "/app/**";
    const span = this.#spans.begin(`SEND ${route}`, frame.header("traceparent"));
    if (span === null) return this.#router.handle(session, destination, frame);
    span.setAttributes({
      "messaging.system": "stomp",
      "messaging.destination.name": route,
      "messaging.message.body.size": frame.body.length,
    });
    this.#waiting.set(frame, span);
    this.#isHandling = true;
    try {
      const result = this.#router.handle(session, destination, frame);
      if (!(result instanceof Promise)) return this.#handled(frame, result);
      return result.then(
        (later) => this.#handled(frame, later),
        (fault: unknown) => this.#refused(frame, fault),
      );
    } catch (fault) {
      return this.#refused(frame, fault);
    } finally {
      this.#isHandling = false;
    }
  }

  /** The frame is answered, or refused. */
  readonly settled = (frame: Frame, error: AppError | null): void => {
    const span = this.#waiting.get(frame);
    if (span === undefined) return;
    if (error === null && !this.#isHandling) this.#spans.madeDurable(span);
    this.#end(frame, error === null ? null : error.code);
  };

  #handled<Result>(frame: Frame, result: Result): Result {
    if (result === RECEIPT_DEFERRED) return result;
    this.#end(frame, null);
    return result;
  }

  #refused(frame: Frame, fault: unknown): never {
    this.#end(frame, toAppError(fault).code);
    throw fault;
  }

  #end(frame: Frame, code: string | null): void {
    const span = this.#waiting.get(frame);
    if (span === undefined) return;
    this.#waiting.delete(frame);
    this.#spans.end(span, code);
  }
}
