import type { Connection } from "../session/ports.ts";
import { encodeMessage } from "../sockjs/framing.ts";
import type { Receiver, Service } from "./receiver.ts";

/** A service that public SockJS suites expect, and how its endpoint differs. */
export interface TestService {
  readonly prefix: string;
  readonly service: Service;
  readonly websocket: boolean;
  readonly cookieNeeded: boolean;
}

/** Frames in one streaming response of a test service. */
export const TEST_RESPONSE_BYTES = 4_096;

/** [SockJS 0.3.4 §Test services] For suites only: whoever reaches the server may use them. */
export const TEST_SERVICES: readonly TestService[] = [
  { prefix: "/echo", ...usual(echo) },
  { prefix: "/disabled_websocket_echo", ...usual(echo), websocket: false },
  { prefix: "/cookie_needed_echo", ...usual(echo), cookieNeeded: true },
  { prefix: "/close", ...usual(close) },
  { prefix: "/amplify", ...usual(amplify) },
];

type OnMessage = (message: string | Uint8Array, reply: (text: string | Uint8Array) => void) => void;

function usual(open: (connection: Connection) => OnMessage): Omit<TestService, "prefix"> {
  const service: Service = {
    open: (connection) => receiverOf(connection, open(connection)),
    chooseSubprotocol: (offered) => offered.split(",")[0]?.trim() ?? null,
  };
  return { service, websocket: true, cookieNeeded: false };
}

function echo(): OnMessage {
  return (message, reply) => reply(message);
}

function close(connection: Connection): OnMessage {
  connection.close(3000, "Go away!");
  return () => {};
}

function amplify(): OnMessage {
  return (message, reply) => {
    const power = Number(message);
    const isInRange = Number.isInteger(power) && power > 0 && power < 19;
    reply("x".repeat(2 ** (isInRange ? power : 1)));
  };
}

function receiverOf(connection: Connection, onMessage: OnMessage): Receiver {
  const reply = (message: string | Uint8Array): void => {
    const isFramed = connection.framing === "sockjs" && typeof message === "string";
    connection.send(isFramed ? encodeMessage(message) : message);
  };
  return {
    receive: (message) => onMessage(message, reply),
    receiveAll(unpack) {
      try {
        for (const message of unpack()) onMessage(message, reply);
      } catch {
        connection.terminate(); // [SockJS 0.3.4 §WebsocketHybi10 test_broken_json]
      }
    },
    closed: () => {},
    drained: () => {},
  };
}
