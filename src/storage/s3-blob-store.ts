import type { BlobStore, ByteRange } from "../attachments/blob-store.ts";
import { AppError } from "../errors.ts";
import { unavailable } from "./sqlite-errors.ts";

export interface S3Options {
  /** Of the service: `https://s3.eu-central-1.amazonaws.com`; undefined: that of AWS in the region. */
  readonly endpoint: string | undefined;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Before every key. */
  readonly prefix: string;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

/** Of a request's signature; what is under way then goes on. */
const SIGNED_FOR_SECONDS = 60;

/**
 * Objects in a bucket of S3, or of what speaks as it does. Each is put in one request: an upload in
 * parts that a crash interrupts would leave them there, to be paid for.
 */
export class S3BlobStore implements BlobStore {
  readonly #options: S3Options;
  readonly #client: Bun.S3Client;

  constructor(options: S3Options) {
    this.#options = options;
    const { endpoint, bucket, region, accessKeyId, secretAccessKey } = options;
    this.#client = new Bun.S3Client({
      ...{ bucket, region, accessKeyId, secretAccessKey },
      ...(endpoint !== undefined && { endpoint }),
    });
  }

  async put(key: string, path: string): Promise<void> {
    await this.#done("PUT", key, { body: Bun.file(path) });
  }

  async read(key: string, { start, end }: ByteRange, signal: AbortSignal) {
    // A range of nothing cannot be asked for.
    if (end <= start) return new Blob([]);
    // What comes is the object's bytes, whatever is between here and the bucket would compress.
    const headers = { range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" };
    const answer = await this.#request("GET", key, { headers, signal });
    const { body } = answer;
    if (answer.status === 206) return body ?? new Blob([]);
    // All of it: a range may be left unheeded [RFC 9110 §14.2].
    if (answer.status === 200) return body === null ? new Blob([]) : partOf(body, { start, end });
    const text = await textOf(answer);
    if (isMissing(answer, text)) return null;
    throw refused("GET", answer, text);
  }

  async remove(key: string): Promise<void> {
    await this.#done("DELETE", key, {});
  }

  async #done(method: "PUT" | "DELETE", key: string, init: RequestInit): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    const answer = await this.#request(method, key, { ...init, signal });
    const text = await textOf(answer);
    const isDone = answer.ok || (method === "DELETE" && isMissing(answer, text));
    if (!isDone) throw refused(method, answer, text);
  }

  async #request(
    method: "GET" | "PUT" | "DELETE",
    key: string,
    init: RequestInit,
  ): Promise<Response> {
    const { prefix } = this.#options;
    const url = this.#client.presign(prefix + key, { method, expiresIn: SIGNED_FOR_SECONDS });
    try {
      return await fetch(url, { ...init, method, redirect: "error" });
    } catch (fault) {
      // Who has the URL may do as much.
      const cause = new Error(String(fault).replaceAll(url, "the signed URL"));
      throw unavailable("the bucket of files cannot be reached", cause);
    }
  }
}

/** The object, and not the bucket with all that is in it. */
function isMissing({ status }: Response, text: string): boolean {
  return status === 404 && !text.includes("NoSuchBucket");
}

/** Those bytes of what comes, as they are asked for; what is behind them is not read. */
function partOf(
  body: ReadableStream<Uint8Array>,
  { start, end }: ByteRange,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let position = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let part: Uint8Array = new Uint8Array();
      while (part.length === 0 && position < end) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return;
        }
        part = value.subarray(Math.max(start - position, 0), end - position);
        position += value.length;
      }
      if (part.length > 0) controller.enqueue(part);
      if (position < end) return;
      controller.close();
      await reader.cancel();
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/**
 * What S3 says is for the log; it may name the bucket and the key. It keeps from a key that may not
 * list the bucket whether an object is there: that is no reason to say that it has gone.
 */
function refused(method: string, { status }: Response, text: string): AppError {
  const hint =
    method === "GET" && status === 403 && text.includes("AccessDenied")
      ? " (also of an object that is not there, to a key without ListBucket)"
      : "";
  const cause = new Error(`S3 answers ${method} with ${status}${hint}: ${text.slice(0, 1_000)}`);
  return new AppError("STORAGE_UNAVAILABLE", "the bucket of files does not do it", { cause });
}

function textOf(answer: Response): Promise<string> {
  return answer.text().catch(() => "");
}
