import type { Credentials } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import type { Remote } from "../auth/remote.ts";
import { AppError } from "../errors.ts";
import { detached, type Frame } from "../stomp/frame.ts";
import { negotiateVersion, type StompVersion, SUPPORTED_VERSIONS } from "../stomp/version.ts";
import { agreeOnHeartbeats, type HeartbeatAgreement } from "./heartbeats.ts";
import type { HeartbeatSettings } from "./ports.ts";

/** What a CONNECT and the server agree on [STOMP 1.2 §Connecting]. */
export interface Agreement {
  readonly version: StompVersion;
  readonly heartbeats: HeartbeatAgreement;
}

/** Where a transport speaks for its client, and no CONNECT comes. */
export const UNSPOKEN: Agreement = {
  version: "1.2",
  heartbeats: { header: "0,0", sendEveryMs: 0, receiveEveryMs: 0 },
};

/** Throws UNSUPPORTED_VERSION, INVALID_HEADER. */
export function negotiate(connect: Frame, settings: HeartbeatSettings): Agreement {
  const version = negotiateVersion(connect.header("accept-version"));
  if (version === null) {
    const text = `None of the versions offered is supported: ${SUPPORTED_VERSIONS.join(", ")}`;
    throw new AppError("UNSUPPORTED_VERSION", text);
  }
  const heartbeats = agreeOnHeartbeats(connect.header("heart-beat"), settings);
  if (heartbeats === null) {
    throw new AppError("INVALID_HEADER", "heart-beat is not of the form <ms>,<ms>");
  }
  return { version, heartbeats };
}

/** The headers of CONNECTED, flat [STOMP 1.2 §CONNECTED]. */
export function connectedHeaders(
  { version, heartbeats }: Agreement,
  sessionId: string,
  serverName: string,
  { userId }: Principal,
): string[] {
  return [
    ...["version", version, "heart-beat", heartbeats.header, "session", sessionId],
    ...["server", serverName, "user-name", userId],
  ];
}

/** Who the CONNECT says it is, by its headers as they are written or in lower case. */
export function credentialsOf(connect: Frame, remote: Remote): Credentials {
  const header = (name: string): string | undefined => {
    const value = connect.header(name) ?? connect.header(name.toLowerCase());
    return value === undefined ? undefined : detached(value);
  };
  return { header, remote };
}
