/**
 * The engine takes bodies as large as files may be: of all other requests it is seen to here that they
 * are no longer. Of one whose length is told beforehand nothing need be read.
 */
export function isBodyTooLong({ headers }: Request, limitBytes: number): boolean {
  return Number(headers.get("content-length") ?? 0) > limitBytes;
}

/** null: it is longer, and was not read to its end. Rejects when it does not come whole. */
export async function bodyText(request: Request, limitBytes: number): Promise<string | null> {
  if (isBodyTooLong(request, limitBytes)) return null;
  const { body } = request;
  if (body === null || request.headers.has("content-length")) return await request.text();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limitBytes) return null;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
