import type { Server } from "bun";
import type { WebSocketConnection } from "./websocket-connection.ts";

/** What a request came in by: the engine's server, or another process of this server. */
export type Door = Pick<Server<WebSocketConnection>, "requestIP" | "timeout" | "upgrade">;
