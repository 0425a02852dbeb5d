import { generateKeyPairSync, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { decodeProtectedHeader, jwtVerify } from "jose";
import type { Clock } from "../../src/clock.ts";
import { newCertificate } from "./certificates.ts";

const TOPIC = "com.example.chat";
const KEY_ID = "ABC123DEFG";
const TEAM_ID = "DEF123GHIJ";
const HOUR_SECONDS = 3_600;
const MOST_STREAMS = 20;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const certificate = newCertificate("apns");

export interface ApnsPush {
  readonly device: string;
  readonly headers: IncomingHttpHeaders;
  readonly payload: Record<string, unknown>;
  readonly bytes: number;
  /** The provider token that it came with. */
  readonly token: string;
}

export interface ApnsRefusal {
  readonly status: number;
  readonly reason: string;
  readonly timestamp?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

type Reaction = ApnsRefusal | "hang" | "reset" | undefined;

/**
 * APNs, over HTTP/2 and TLS on loopback: it verifies provider tokens by the test's clock, and takes
 * requests alone that have all that the documentation demands. As there, a connection takes one request
 * at a time until one has come with a token that is right.
 */
export class ApnsEndpoint {
  readonly pushes: ApnsPush[] = [];
  connections = 0;
  /** Requests in which something was wrong. */
  refusals = 0;
  /** The most requests that were under way at a time. */
  mostStreams = 0;
  /** What is done with a request that is right; undefined: it is taken. */
  react: (push: ApnsPush) => Reaction = () => undefined;
  readonly #clock: Clock;
  readonly #scheme: "http" | "https";
  readonly #server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #opened = new WeakSet<Http2Session>();
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #hanging: ServerHttp2Stream[] = [];
  readonly #awaited: { readonly count: number; readonly resolve: () => void }[] = [];

  private constructor(clock: Clock, scheme: "http" | "https") {
    this.#clock = clock;
    this.#scheme = scheme;
    const settings = { maxConcurrentStreams: 1 };
    this.#server =
      scheme === "http"
        ? createServer({ settings })
        : createSecureServer({ ...certificate, settings });
    this.#server.on("session", (session) => {
      this.connections += 1;
      this.#sessions.add(session);
      session.on("error", () => session.destroy());
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.on("stream", (stream: ServerHttp2Stream, headers) => {
      this.#streams.add(stream);
      this.mostStreams = Math.max(this.mostStreams, this.#streams.size);
      stream.on("close", () => this.#streams.delete(stream));
      stream.on("error", () => this.#streams.delete(stream));
      this.#serve(stream, headers).catch((fault: unknown) => {
        answer(stream, { status: 500, reason: `InternalServerError: ${fault}` });
      });
    });
  }

  /** @param scheme `http` is HTTP/2 without TLS, for clients that cannot be told to trust it */
  static async start(clock: Clock, scheme: "http" | "https" = "https"): Promise<ApnsEndpoint> {
    const endpoint = new ApnsEndpoint(clock, scheme);
    const server = endpoint.#server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return endpoint;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** What makes clients trust it. */
  get ca(): string {
    return certificate.cert;
  }

  /** The settings that say whose key it is, with its file in the folder. */
  keySettings(folder: string, pem = privateKey.export({ type: "pkcs8", format: "pem" })) {
    const keyFile = join(folder, `${randomUUID()}.p8`);
    writeFileSync(keyFile, pem);
    return { keyFile, keyId: KEY_ID, teamId: TEAM_ID, topic: TOPIC };
  }

  /** So many requests hang, together with those that have hung before. */
  hanging(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited.push({ count, resolve });
    this.#tellHanging();
    return promise;
  }

  /** A request that hangs is answered, the oldest first. */
  release(): void {
    const stream = this.#hanging.shift();
    stream?.respond({ ":status": 200 });
    stream?.end();
  }

  /** All connections are to end; of what hangs on them, so many requests have been begun. */
  goAway(begun: number): void {
    const last = this.#hanging[begun - 1]?.id ?? 0;
    for (const session of this.#sessions) session.goaway(0, last);
  }

  /** The connections are cut. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const refusal = (await this.#tokenRefusal(headers)) ?? requestRefusal(headers, body.byteLength);
    if (refusal !== null) {
      this.refusals += 1;
      answer(stream, refusal);
      return;
    }
    this.#open(stream.session);
    const push = {
      ...{ device: headers[":path"]?.slice("/3/device/".length) ?? "", headers },
      ...{ payload: JSON.parse(body.toString()), bytes: body.byteLength },
      token: tokenOf(headers),
    };
    const reaction = this.react(push);
    if (reaction === "reset") {
      stream.close();
    } else if (reaction === "hang") {
      this.#hanging.push(stream);
      this.#tellHanging();
    } else {
      if (reaction === undefined) this.pushes.push(push);
      answer(stream, reaction ?? { status: 200, reason: "" });
    }
  }

  /** A client has proved who it is. */
  #open(session: Http2Session | undefined): void {
    if (session === undefined || this.#opened.has(session)) return;
    this.#opened.add(session);
    session.settings({ maxConcurrentStreams: MOST_STREAMS });
  }

  #tellHanging(): void {
    for (const { count, resolve } of this.#awaited) {
      if (this.#hanging.length >= count) resolve();
    }
  }

  async #tokenRefusal(headers: IncomingHttpHeaders): Promise<ApnsRefusal | null> {
    const token = tokenOf(headers);
    if (token === "") return { status: 403, reason: "MissingProviderToken" };
    const nowSeconds = Math.floor(this.#clock.now() / 1000);
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        ...{ algorithms: ["ES256"], issuer: TEAM_ID, requiredClaims: ["iat"] },
        currentDate: new Date(this.#clock.now()),
      });
      if (decodeProtectedHeader(token).kid !== KEY_ID) throw new Error("another key");
      const ageSeconds = nowSeconds - (payload.iat ?? 0);
      if (ageSeconds > HOUR_SECONDS) return { status: 403, reason: "ExpiredProviderToken" };
      if (ageSeconds < 0) throw new Error("a token of the future");
      return null;
    } catch {
      return { status: 403, reason: "InvalidProviderToken" };
    }
  }
}

function tokenOf({ authorization = "" }: IncomingHttpHeaders): string {
  return /^bearer (\S+)$/.exec(authorization)?.[1] ?? "";
}

/** What is wrong with a request, in Apple's words. */
function requestRefusal(headers: IncomingHttpHeaders, bytes: number): ApnsRefusal | null {
  const refuse = (status: number, reason: string) => ({ status, reason });
  const of = (name: string) => String(headers[name] ?? "");
  if (of(":method") !== "POST") return refuse(405, "MethodNotAllowed");
  if (!/^\/3\/device\/[0-9a-f]+$/.test(of(":path"))) return refuse(404, "BadPath");
  if (of("apns-topic") !== TOPIC) return refuse(400, "BadTopic");
  if (of("apns-push-type") !== "alert") return refuse(400, "InvalidPushType");
  if (of("apns-priority") !== "10") return refuse(400, "BadPriority");
  if (!/^\d+$/.test(of("apns-expiration"))) return refuse(400, "BadExpirationDate");
  if (!/^[\x21-\x7e]{1,64}$/.test(of("apns-collapse-id"))) return refuse(400, "BadCollapseId");
  if (!UUID.test(of("apns-id"))) return refuse(400, "BadMessageId");
  if (bytes === 0) return refuse(400, "PayloadEmpty");
  return bytes > 4_096 ? refuse(413, "PayloadTooLarge") : null;
}

function answer(stream: ServerHttp2Stream, { status, reason, timestamp, headers }: ApnsRefusal) {
  if (stream.destroyed) return;
  stream.respond({ ":status": status, ...headers }, { endStream: reason === "" });
  // An empty `end` would send a frame of nothing, of which clients stand no more than some.
  if (reason !== "") stream.end(JSON.stringify({ reason, ...(timestamp && { timestamp }) }));
}
