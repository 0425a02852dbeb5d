import { expect } from "bun:test";
import type { ParleyProcess } from "./parley-process.ts";
import { answerOf, askAs } from "./server-api.ts";

type Target = Pick<ParleyProcess, "url">;

export interface UploadedFile {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly hasThumbnail: boolean;
}

/** Sends a file, as a user in development. */
export function upload(
  server: Target,
  userId: string,
  content: string | Uint8Array | ReadableStream,
  name: string,
): Promise<Response> {
  const body = content instanceof Uint8Array ? Buffer.from(content) : content;
  return fetch(`${server.url}/api/attachments?${new URLSearchParams({ name })}`, {
    ...{ method: "POST", headers: { "X-User-Id": userId }, body },
  });
}

/** The same, of one that is taken. */
export async function uploaded(
  server: Target,
  userId: string,
  content: string | Uint8Array,
  name = "file",
): Promise<UploadedFile> {
  const { status, body } = await answerOf(await upload(server, userId, content, name));
  expect([status, body]).toEqual([201, body]);
  return body;
}

/** What leads the user to the file's contents. */
export async function linksOf(
  server: ParleyProcess,
  userId: string,
  id: string,
): Promise<{ readonly url: string; readonly thumbnailUrl?: string; readonly expiresAt: string }> {
  const { status, body } = await answerOf(await askAs(server, userId, `/api/attachments/${id}`));
  expect([status, body]).toEqual([200, body]);
  return body;
}
