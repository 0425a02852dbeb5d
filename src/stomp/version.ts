/** [STOMP 1.2 §Protocol Negotiation] */
export type StompVersion = "1.0" | "1.1" | "1.2";

/** Ascending. */
export const SUPPORTED_VERSIONS: readonly StompVersion[] = ["1.0", "1.1", "1.2"];

/**
 * The highest version that both sides speak; null when there is none. A client that offers nothing
 * speaks 1.0.
 */
export function negotiateVersion(acceptVersion: string | undefined): StompVersion | null {
  if (acceptVersion === undefined) return "1.0";
  const offered = acceptVersion.split(",").map((version) => version.trim());
  return SUPPORTED_VERSIONS.findLast((version) => offered.includes(version)) ?? null;
}

/** WebSocket subprotocols of STOMP, the preferred one first. */
const SUBPROTOCOLS = ["v12.stomp", "v11.stomp", "v10.stomp"] as const;

/** The subprotocol to answer an offer (`Sec-WebSocket-Protocol`) with; null when none is ours. */
export function chooseSubprotocol(offered: string | null): string | null {
  if (offered === null) return null;
  const names = offered.split(",").map((name) => name.trim());
  return SUBPROTOCOLS.find((name) => names.includes(name)) ?? null;
}
