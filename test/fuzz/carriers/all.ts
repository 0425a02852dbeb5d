import type { Carrier } from "./carrier.ts";
import { TcpCarrier } from "./tcp.ts";
import { SockJsWebSocketCarrier, WebSocketCarrier } from "./websocket.ts";
import { SockJsXhrCarrier } from "./xhr.ts";

/** Every way to the server, in turn. */
export const carriers: readonly Carrier[] = [
  new WebSocketCarrier("text"),
  new WebSocketCarrier("binary"),
  new WebSocketCarrier("mixed"),
  new SockJsWebSocketCarrier(),
  new TcpCarrier(),
  new SockJsXhrCarrier(),
];
