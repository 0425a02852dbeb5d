import type { SessionEnvironment } from "../session/environment.ts";
import type { HeartbeatSender } from "../session/heartbeats.ts";
import type { Connection } from "../session/ports.ts";
import { Session } from "../session/session.ts";
import { HEARTBEAT_FRAME } from "../sockjs/framing.ts";
import { chooseSubprotocol } from "../stomp/version.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Receiver, Service } from "./receiver.ts";

export interface StompServiceOptions {
  readonly environment: SessionEnvironment;
  readonly sessions: LiveSessions;
  readonly heartbeatSender: HeartbeatSender;
  readonly sockJsHeartbeatMs: number;
}

/** STOMP, over whatever carries it. */
export class StompService implements Service {
  readonly chooseSubprotocol = chooseSubprotocol;
  readonly #options: StompServiceOptions;

  constructor(options: StompServiceOptions) {
    this.#options = options;
  }

  open(connection: Connection): Receiver {
    const { environment, sessions, heartbeatSender, sockJsHeartbeatMs } = this.#options;
    const session = new Session(connection, environment);
    if (connection.framing === "sockjs") {
      const slot = heartbeatSender.add(connection, HEARTBEAT_FRAME, sockJsHeartbeatMs);
      session.onClosed(() => heartbeatSender.remove(connection, slot));
    }
    session.onClosed(this.#forget);
    sessions.add(session);
    return session;
  }

  readonly #forget = (session: Session): void => this.#options.sessions.remove(session);
}
