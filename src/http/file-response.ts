import type { ByteRange } from "../attachments/blob-store.ts";
import { askedRange } from "./byte-range.ts";

export interface FileToServe {
  readonly name: string;
  readonly type: string;
  /** null: not known, and then it is had as a whole. */
  readonly size: number | null;
  readonly etag: string;
}

/** What browsers show, or play, without running anything of it. All else they keep. */
const SHOWN = new Set([
  ...["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"],
  ...["video/mp4", "video/webm", "video/quicktime"],
  ...[
    "audio/mpeg",
    "audio/mp4",
    "audio/x-m4a",
    "audio/aac",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
  ],
]);

/** Whatever a file is taken for: it runs nothing, asks for nothing, and no page has it in a frame. */
const FILE_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; frame-ancestors 'none'; sandbox",
  // Pages of the app's own may show it, wherever they are: the link is what gives it away.
  "cross-origin-resource-policy": "cross-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Of one that nobody says the size of, the whole. */
const WHOLE: ByteRange = { start: 0, end: Number.MAX_SAFE_INTEGER };

/**
 * A file that is never another under its ETag, or the part of it that is asked for. Browsers may keep
 * it for `seconds`.
 */
export async function fileResponse(
  { method, headers: asked }: Request,
  { name, type, size, etag }: FileToServe,
  seconds: number,
  read: (range: ByteRange) => Promise<Blob | ReadableStream>,
): Promise<Response> {
  const headers = new Headers({
    ...FILE_HEADERS,
    ...{ etag, "cache-control": `private, max-age=${seconds}` },
    ...(size !== null && { "accept-ranges": "bytes" }),
  });
  const known = asked.get("if-none-match")?.split(",") ?? [];
  if (known.some((tag) => tag.trim().replace(/^W\//, "") === etag)) {
    return new Response(null, { status: 304, headers });
  }
  const isSame = (asked.get("if-range") ?? etag) === etag;
  const range = isSame && size !== null ? askedRange(asked.get("range") ?? undefined, size) : null;
  if (range === "unsatisfiable") {
    headers.set("content-range", `bytes */${size}`);
    return new Response(null, { status: 416, headers });
  }
  const bytes = range ?? { ...WHOLE, ...(size !== null && { end: size }) };
  if (method === "HEAD" && size !== null) {
    headers.set("content-length", `${bytes.end - bytes.start}`);
  }
  const body = method === "HEAD" ? null : await read(bytes);
  headers.set("content-type", type === "text/plain" ? "text/plain; charset=utf-8" : type);
  headers.set("content-disposition", disposition(name, SHOWN.has(type)));
  if (range === null) return new Response(body, { headers });
  headers.set("content-range", `bytes ${range.start}-${range.end - 1}/${size}`);
  return new Response(body, { status: 206, headers });
}

/** [RFC 6266] */
function disposition(name: string, isShown: boolean): string {
  const plain = name.replace(/[^\x20-\x7e]/g, "_").replace(/["\\%]/g, "_");
  const exact = encodeURIComponent(name).replace(/['()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `${isShown ? "inline" : "attachment"}; filename="${plain}"; filename*=UTF-8''${exact}`;
}
