import type { Broker } from "../broker/broker.ts";
import type { WorkQueues } from "../broker/work-queues.ts";
import type { Clock } from "../clock.ts";
import type { AppError, ErrorCode } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Frame } from "../stomp/frame.ts";
import type { HeartbeatSender } from "./heartbeats.ts";
import type { Application, HeartbeatSettings, SessionLimits } from "./ports.ts";
import type { Publisher } from "./publisher.ts";
import type { SharedTexts } from "./shared-texts.ts";

/** Hears of what operators count. */
export interface SessionObserver {
  /** A frame was refused, or the connection with it. */
  refused(code: ErrorCode): void;
  /** A connection ended that did not take what was sent to it. */
  cutOff(cause: "slow-reader" | "overload"): void;
}

/** What every session of a server is given. */
export interface SessionEnvironment {
  readonly broker: Broker;
  readonly queues: WorkQueues;
  readonly publisher: Publisher;
  readonly application: Application;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: Log;
  readonly observer: SessionObserver;
  /** Hears of frames that are answered later than handled; null: nobody does. */
  readonly onSettled: ((frame: Frame, error: AppError | null) => void) | null;
  /** What connections keep of what clients write, as far as it is the same for many. */
  readonly texts: SharedTexts;
  readonly limits: SessionLimits;
  readonly heartbeat: HeartbeatSettings;
  readonly heartbeatSender: HeartbeatSender;
  /** How long before its token expires a client is told so; 0 is never. */
  readonly expiryWarningMs: number;
  /** The `server` header of CONNECTED. */
  readonly serverName: string;
}
