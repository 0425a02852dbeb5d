import { createHash, createHmac } from "node:crypto";

/**
 * As much of S3 as Parley needs, over real HTTP, with what makes S3 refuse: every request must bear a
 * signature of AWS (version 4, in the query) that is right for the method, the path, the query and the
 * host, and has not expired. Written from AWS's description of it, not from a client's.
 */
export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly objects: ReadonlyMap<string, Uint8Array>;
  /** Methods and keys of what was asked and not refused. */
  readonly requests: readonly string[];
  /** Answers everything with this status; null: works again. */
  fail(status: number | null): void;
  stop(): Promise<void>;
}

export interface S3Habits {
  /** Gives an object as a whole, whatever part of it is asked for. */
  readonly ignoresRange: boolean;
  /** The account may not list the bucket, and so is not told which objects are not there. */
  readonly hidesAbsence: boolean;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

export function startS3(habits: Partial<S3Habits> = {}): S3Server {
  const account = {
    ...{ bucket: "parley-files", region: "eu-test-1", accessKeyId: "AKIATEST" },
    secretAccessKey: "a secret / of + the account",
  };
  const objects = new Map<string, Uint8Array>();
  const requests: string[] = [];
  let failure: number | null = null;
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, maxRequestBodySize: 1024 ** 3 },
    async fetch(request) {
      if (failure !== null) return error(failure, "InternalError");
      const refusal = refusalOf(request, account);
      if (refusal !== null) return error(403, refusal);
      const [, bucket, ...rest] = decodeURIComponent(new URL(request.url).pathname).split("/");
      if (bucket !== account.bucket) return error(404, "NoSuchBucket");
      const key = rest.join("/");
      requests.push(`${request.method} ${key}`);
      switch (request.method) {
        case "PUT":
          objects.set(key, await request.bytes());
          return new Response(null, { status: 200 });
        case "DELETE":
          objects.delete(key);
          return new Response(null, { status: 204 });
        case "GET":
          return got(objects.get(key), request.headers.get("range"), habits);
        default:
          return error(405, "MethodNotAllowed");
      }
    },
  });
  return {
    ...account,
    ...{ endpoint: `http://127.0.0.1:${server.port}`, objects, requests },
    fail(status) {
      failure = status;
    },
    async stop() {
      await server.stop(true);
    },
  };
}

function got(
  object: Uint8Array | undefined,
  range: string | null,
  { ignoresRange, hidesAbsence }: Partial<S3Habits>,
): Response {
  if (object === undefined) {
    return hidesAbsence ? error(403, "AccessDenied") : error(404, "NoSuchKey");
  }
  const asked = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
  if (asked === null || ignoresRange) return new Response(Buffer.from(object));
  const [start, last] = [Number(asked[1]), Math.min(Number(asked[2]), object.length - 1)];
  if (start >= object.length) return error(416, "InvalidRange");
  return new Response(Buffer.from(object.subarray(start, last + 1)), {
    ...{ status: 206 },
    headers: { "content-range": `bytes ${start}-${last}/${object.length}` },
  });
}

interface Account {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** [AWS: Authenticating Requests, Using Query Parameters] */
function refusalOf(request: Request, account: Account): string | null {
  const url = new URL(request.url);
  const parameter = (name: string) => url.searchParams.get(`X-Amz-${name}`) ?? "";
  const [keyId, day, region, service, end] = parameter("Credential").split("/");
  if (parameter("Algorithm") !== ALGORITHM || service !== "s3" || end !== "aws4_request") {
    return "AuthorizationQueryParametersError";
  }
  if (keyId !== account.accessKeyId) return "InvalidAccessKeyId";
  if (region !== account.region) return "AuthorizationQueryParametersError";
  const time = parameter("Date");
  if (!time.startsWith(`${day}T`)) return "AuthorizationQueryParametersError";
  const at = time.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5");
  const ageMs = Date.now() - Date.parse(at);
  if (!(ageMs < 1_000 * Number(parameter("Expires")) && ageMs > -900_000)) return "AccessDenied";
  const signed = parameter("SignedHeaders").split(";");
  if (!signed.includes("host")) return "AccessDenied";

  const query = [...url.searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort();
  const path = decodeURIComponent(url.pathname).split("/").map(encoded).join("/");
  const headers = signed.map((name) => `${name}:${request.headers.get(name)?.trim()}\n`);
  const canonical = [
    ...[request.method, path, query.join("&"), headers.join(""), signed.join(";")],
    "UNSIGNED-PAYLOAD",
  ].join("\n");
  const digest = createHash("sha256").update(canonical).digest("hex");
  const text = [ALGORITHM, time, `${day}/${region}/s3/aws4_request`, digest].join("\n");
  const hmac = (key: string | Buffer, data: string) =>
    createHmac("sha256", key).update(data).digest();
  const key = [region, "s3", "aws4_request"].reduce(
    (signing, part) => hmac(signing, part),
    hmac(`AWS4${account.secretAccessKey}`, day ?? ""),
  );
  const isRight = hmac(key, text).toString("hex") === parameter("Signature");
  return isRight ? null : "SignatureDoesNotMatch";
}

/** As AWS encodes: all but unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function error(status: number, code: string): Response {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`;
  return new Response(body, { status, headers: { "content-type": "application/xml" } });
}
