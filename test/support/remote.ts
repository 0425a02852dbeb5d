import type { Remote } from "../../src/auth/remote.ts";

/** A client on this machine. */
export const LOCAL: Remote = {
  peerAddress: "127.0.0.1",
  address: "127.0.0.1",
  proxied: false,
  header: () => undefined,
  forgetHeaders() {},
};
