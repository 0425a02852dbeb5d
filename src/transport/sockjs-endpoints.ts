import clientScript from "sockjs-client/dist/sockjs.min.js" with { type: "text" };
import type { Settings } from "../config.ts";
import { SockJsEndpoint, type SockJsEndpointOptions } from "./sockjs-endpoint.ts";
import { TEST_RESPONSE_BYTES, TEST_SERVICES } from "./sockjs-test-services.ts";

type Parts = Pick<
  SockJsEndpointOptions,
  | "service"
  | "admission"
  | "origins"
  | "proxies"
  | "requestHeaders"
  | "clock"
  | "isDraining"
  | "bodyBytes"
>;

/** STOMP's endpoint, and in test mode those that SockJS suites ask for. */
export function sockJsEndpoints({ sockjs, limits }: Settings, parts: Parts): SockJsEndpoint[] {
  const options: SockJsEndpointOptions = {
    ...parts,
    ...{ prefix: "/ws", websocket: true, cookieNeeded: sockjs.cookies },
    ...{ responseBytes: sockjs.responseBytes, graceMs: sockjs.graceMs, sessions: sockjs.sessions },
    ...{ clientUrl: sockjs.clientUrl, clientScript },
    sendBufferBytes: limits.sendBufferBytes,
    requestMs: limits.requestMs,
    entropy: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  };
  const forTests = {
    responseBytes: TEST_RESPONSE_BYTES,
    origins: { ...parts.origins, allowedOrigins: ["*"] },
  };
  const tests = sockjs.testServices ? TEST_SERVICES : [];
  return [
    new SockJsEndpoint(options),
    ...tests.map((test) => new SockJsEndpoint({ ...options, ...forTests, ...test })),
  ];
}
