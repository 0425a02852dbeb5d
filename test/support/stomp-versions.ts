import type { Frame } from "../../src/stomp/frame.ts";
import type { StompVersion } from "../../src/stomp/version.ts";
import type { RawClient } from "./raw-client.ts";

export const VERSIONS = ["1.0", "1.1", "1.2"] as const;

type Headers = Record<string, string>;

/** What an ACK or NACK says to name a message, in each version. */
export function naming(version: StompVersion, message: Frame | undefined): Headers {
  if (message === undefined) throw new Error("there is no such message");
  const [messageId, subscription, ack] = ["message-id", "subscription", "ack"].map(
    (name) => message.header(name) ?? `no ${name}`,
  );
  switch (version) {
    case "1.0":
      return { "message-id": messageId ?? "" };
    case "1.1":
      return { "message-id": messageId ?? "", subscription: subscription ?? "" };
    case "1.2":
      return { id: ack ?? "" };
  }
}

/** The ERROR that ends the connection: its code, once the server has closed. */
export async function fatalErrorOf(client: RawClient): Promise<string | undefined> {
  const error = await client.frame("ERROR");
  await client.closed;
  return error.header("code");
}

let made = 0;

/** A destination that no other test has. */
export function fresh(kind: "topic" | "queue"): string {
  made += 1;
  return `/${kind}/conformance-${made}`;
}
