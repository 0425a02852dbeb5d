import type { ParleyProcess } from "./parley-process.ts";
import { API_KEY } from "./tokens.ts";

/** What an app's back end asks, with the key of the tests. */
export function askAsServer(
  server: ParleyProcess,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { "X-Api-Key": API_KEY, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** What a user asks over HTTP, named as in development. */
export function askAs(
  server: ParleyProcess,
  userId: string,
  path: string,
  method = "GET",
  body?: unknown,
): Promise<Response> {
  return fetch(server.url + path, {
    ...{ method, headers: { "X-User-Id": userId } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
