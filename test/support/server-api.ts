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

/** What the back end asks, in the user's name, or in its own. */
export async function askInNameOf(
  server: ParleyProcess,
  userId: string | null,
  method: string,
  path: string,
  body?: unknown,
) {
  const headers = { "X-Api-Key": API_KEY, ...(userId !== null && { "X-User-Id": userId }) };
  const json = body === undefined ? {} : { body: JSON.stringify(body) };
  return await answerOf(await fetch(server.url + path, { method, headers, ...json }));
}

/** The status, and the document if there is one. */
export async function answerOf(answer: Response) {
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
}
