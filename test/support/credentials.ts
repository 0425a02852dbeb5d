import type { Credentials } from "../../src/auth/authenticator.ts";
import type { Remote } from "../../src/auth/remote.ts";
import { LOCAL } from "./remote.ts";

export interface Given {
  /** Of CONNECT, or of an API request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the HTTP request that opened the connection; by lower-case names. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly remote?: Partial<Remote>;
}

export function credentials({
  headers = {},
  requestHeaders = {},
  remote = {},
}: Given): Credentials {
  return {
    header: (name) => headers[name],
    remote: { ...LOCAL, header: (name) => requestHeaders[name.toLowerCase()], ...remote },
  };
}

export function bearer(token: string): Credentials {
  return credentials({ headers: { Authorization: `Bearer ${token}` } });
}
