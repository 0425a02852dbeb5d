import type { Frame } from "../stomp/frame.ts";

/** Headers that the broker sets itself, or that are between one client and the server alone. */
const OWN_HEADERS = new Set([
  ...["destination", "content-length", "receipt", "transaction", "message-id", "subscription"],
  ...["ack", "login", "passcode", "authorization", "redelivered"],
]);

/** What a SEND's receivers get of its headers, flat. The first of repeated ones counts. */
export function passedOnHeaders(frame: Frame): string[] {
  const passed: string[] = [];
  const seen = new Set<string>();
  const { headers } = frame;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (OWN_HEADERS.has(name.toLowerCase()) || seen.has(name)) continue;
    seen.add(name);
    passed.push(name, headers[index + 1] ?? "");
  }
  return passed;
}
