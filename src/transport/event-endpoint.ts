import type { EventTopics, UserEvents, UserFeed } from "../app/user-events.ts";
import type { Principal } from "../auth/principal.ts";
import type { Remote } from "../auth/remote.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { SessionEnvironment } from "../session/environment.ts";
import type { HeartbeatSender } from "../session/heartbeats.ts";
import { Session } from "../session/session.ts";
import type { Admission } from "./admission.ts";
import { EventConnection, type EventSink, HEARTBEAT } from "./event-connection.ts";
import { cursorText, type EventCursor } from "./event-cursor.ts";
import { EventMailbox, type PollAnswer } from "./event-mailbox.ts";
import { EventStream } from "./event-stream.ts";
import type { LiveSessions } from "./live-sessions.ts";

export interface EventEndpointOptions {
  readonly environment: SessionEnvironment;
  readonly events: UserEvents;
  readonly sessions: LiveSessions;
  readonly admission: Admission;
  readonly heartbeatSender: HeartbeatSender;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  /** How long a client that polls may stay away between two polls. */
  readonly graceMs: number;
  /** Of mailboxes: nobody guesses them. */
  readonly newCode: NewId;
}

/** A request for events that has been let in. */
export interface EventRequest {
  readonly principal: Principal;
  readonly remote: Remote;
  readonly cursor: EventCursor;
  readonly topics: EventTopics;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What a poll is answered: the document. */
export interface PolledEvents {
  /** The JSON of each. */
  readonly events: readonly string[];
  readonly cursor: string;
}

interface Mailbox {
  readonly mailbox: EventMailbox;
  readonly session: Session;
  readonly connection: EventConnection;
}

/**
 * Where clients listen that speak plain HTTP: by a response without end, or by polling. Each of them
 * is a connection as those of WebSockets are, with a session in which it can only listen.
 */
export class EventEndpoint {
  readonly #options: EventEndpointOptions;
  readonly #mailboxes = new Map<string, Mailbox>();

  constructor(options: EventEndpointOptions) {
    this.#options = options;
  }

  /**
   * Server-sent events from the cursor's position on. `onEnd`: the response is about to end. Throws
   * SHUTTING_DOWN and what the connection is refused with.
   */
  stream(request: EventRequest, onEnd: () => void): Response | Promise<Response> {
    const { events, heartbeatSender, heartbeatMs } = this.#options;
    const drained = { tell: () => {} };
    const stream = new EventStream({
      onDrained: () => drained.tell(),
      onEnd,
      onLeaving: (message, bytes) => events.leaving(session, message, bytes),
    });
    const { session, connection } = this.#open(request, stream);
    const slot = heartbeatSender.add(connection, HEARTBEAT, heartbeatMs);
    session.onClosed(() => heartbeatSender.remove(connection, slot));
    onAbort(request.signal, () => connection.terminate());
    const feed = events.feed(session, connection, request.cursor.position);
    drained.tell = () => {
      session.drained();
      feed.resume();
    };
    return stream.response;
  }

  /** As soon as there are events, and after the time at the latest. Throws as `stream` does. */
  async poll(request: EventRequest, waitMs: number): Promise<PolledEvents> {
    const { cursor, principal } = request;
    const known = this.#find(request);
    const id = known === null ? this.#options.newCode() : (cursor.mailbox?.id ?? "");
    const { mailbox, session } = known ?? this.#openMailbox(id, request);
    if (known !== null) session.renew(principal);
    const number = known === null ? 0 : (cursor.mailbox?.number ?? 0);
    const answering = mailbox.poll(number, waitMs);
    onAbort(request.signal, () => mailbox.abandon(answering));
    return polled(id, await answering);
  }

  /** The user's own, whose last answer the client has or asks for again. */
  #find({ cursor, principal }: EventRequest): Mailbox | null {
    if (cursor.mailbox === null) return null;
    const { id, number } = cursor.mailbox;
    const found = this.#mailboxes.get(id);
    if (found?.session.principal.userId !== principal.userId) return null;
    if (found.mailbox.follows(number)) return found;
    found.connection.terminate();
    return null;
  }

  #openMailbox(id: string, request: EventRequest): Mailbox {
    const { events, clock, graceMs, environment } = this.#options;
    const { position } = request.cursor;
    const mailbox = new EventMailbox({
      ...{ clock, position, graceMs },
      highWaterBytes: environment.limits.sendBufferBytes / 4,
      bodyOf: (message) => feed?.bodyNow(message) ?? null,
      onDrained: () => {
        session.drained();
        feed?.resume();
      },
      onReceived: (messages) => events.received(session, messages),
      onForsaken: () => connection.terminate(),
    });
    let feed: UserFeed | null = null;
    const { session, connection } = this.#open(request, mailbox);
    const opened = { mailbox, session, connection };
    this.#mailboxes.set(id, opened);
    session.onClosed(() => this.#mailboxes.delete(id));
    feed = events.feed(session, connection, position);
    return opened;
  }

  #open({ principal, remote, topics }: EventRequest, sink: EventSink) {
    const { environment, events, sessions, admission, clock } = this.#options;
    if (sessions.isDraining) throw new AppError("SHUTTING_DOWN", "The server is stopping");
    const refusal = admission.refusal(remote);
    if (refusal !== null) throw refusal;
    const { sendBufferBytes } = environment.limits;
    const connection = new EventConnection(remote, sink, sendBufferBytes, clock);
    const session = new Session(connection, environment);
    connection.opened(session);
    session.onClosed(this.#forget);
    sessions.add(session);
    try {
      session.begin(principal);
      // Else it is over already, and says why.
      if (session.isConnected) events.subscribe(session, topics);
    } catch (fault) {
      session.close(1008, "refused");
      throw fault;
    }
    return { session, connection };
  }

  readonly #forget = (session: Session): void => this.#options.sessions.remove(session);
}

/** Who has asked may be gone before they are let in. */
function onAbort(signal: AbortSignal, task: () => void): void {
  if (signal.aborted) task();
  else signal.addEventListener("abort", task);
}

function polled(id: string, { events, position, number }: PollAnswer): PolledEvents {
  return { events, cursor: cursorText({ position, mailbox: { id, number } }) };
}
