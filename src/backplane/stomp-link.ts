import type { Socket } from "bun";
import type { Clock, Timer } from "../clock.ts";
import type { RabbitMqTarget } from "../config/rabbitmq-url.ts";
import { Decoder } from "../stomp/decoder.ts";
import { encodeFrame } from "../stomp/encoder.ts";
import type { Body, Frame } from "../stomp/frame.ts";
import { type KeptClient, reasonOf } from "./kept-connection.ts";
import { Outbox } from "./outbox.ts";

/** More than a broker sends: what it takes from others is for its own limits. */
const DECODER_LIMITS = {
  maxFrameBytes: 512 * 1024 * 1024,
  maxHeaders: 10_000,
  maxHeaderLineBytes: 1024 * 1024,
};

export interface StompLinkOptions {
  readonly target: RabbitMqTarget;
  /** What both sides promise; the other one is lost when it has been silent for twice as long. */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** Each MESSAGE. */
  readonly received: (frame: Frame) => void;
  /** So many more SENDs are the system's, which the broker may never get. */
  readonly sent: (messages: number) => void;
}

interface Receipt {
  readonly resolve: () => void;
  readonly reject: (fault: Error) => void;
}

/** The broker has said why it ends the connection, by an ERROR. */
export class StompRefusal extends Error {
  /** @param code what it calls that in short, such as `access_refused` */
  constructor(
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

/**
 * One connection to a STOMP broker, as its client: STOMP 1.2 over TCP. Nothing waits for the broker:
 * what it does not take is kept, and `pendingBytes` says how much that is.
 */
export class StompLink implements KeptClient {
  readonly #options: StompLinkOptions;
  readonly #decoder = new Decoder(DECODER_LIMITS);
  readonly #receipts = new Map<string, Receipt>();
  readonly #connected = Promise.withResolvers<void>();
  #socket: Socket | null = null;
  #outbox: Outbox | null = null;
  #unsent = 0;
  #receiptsMade = 0;
  #heardAtMs = 0;
  #mustSpeakEveryMs = 0;
  #hasSpoken = false;
  #timer: Timer | null = null;
  #isDestroyed = false;
  #onError: (fault?: unknown) => void = () => {};
  #onEnd: (fault?: unknown) => void = () => {};

  constructor(options: StompLinkOptions) {
    this.#options = options;
    // Whoever does not wait for it hears of the end by `on`.
    this.#connected.promise.catch(() => {});
  }

  /** What the socket has not taken yet. */
  get pendingBytes(): number {
    return this.#outbox?.bytes ?? 0;
  }

  /** SENDs that the socket has not taken; they never leave when the connection is lost. */
  get unsent(): number {
    return this.#outbox?.messages ?? this.#unsent;
  }

  on(event: "error" | "end", listener: (fault?: unknown) => void): void {
    if (event === "error") this.#onError = listener;
    else this.#onEnd = listener;
  }

  /** Resolves when the broker has let it in. */
  async connect(): Promise<void> {
    const { target, heartbeatMs, clock } = this.#options;
    const { host, port, isTls, login, passcode, virtualHost } = target;
    const secured = Promise.withResolvers<void>();
    secured.promise.catch(() => {}); // It may fail before anybody waits for it.
    if (!isTls) secured.resolve();
    const socket = await Bun.connect({
      ...{ hostname: host, port, tls: isTls && tlsOptions(host) },
      socket: {
        data: (_, bytes) => this.#read(bytes),
        drain: () => this.#outbox?.drained(),
        close: () => this.#lose(null),
        end: () => this.#lose(null),
        error: (_, fault) => this.#lose(fault),
        // That the certificate is trusted, and this host's.
        handshake: (_, __, fault) => {
          if (fault === null) secured.resolve();
          else secured.reject(fault);
        },
      },
    }).catch((fault: unknown) => {
      throw new Error(`${host}:${port}: ${reasonOf(fault)}`, { cause: fault });
    });
    if (this.#isDestroyed) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    // Nobody is told the password before it is known who it is.
    await secured.promise;
    if (this.#isDestroyed) return;
    this.#outbox = new Outbox(socket, this.#options.sent);
    this.#heardAtMs = clock.monotonicMs();
    this.send("CONNECT", [
      ...["accept-version", "1.2", "host", virtualHost, "login", login, "passcode", passcode],
      ...["heart-beat", `${heartbeatMs},${heartbeatMs}`],
    ]);
    await this.#connected.promise;
  }

  /** `headers` are flat: name, value, name, value … */
  send(command: string, headers: readonly string[], body: Body = ""): void {
    const frame = encodeFrame("1.2", command, headers, body);
    this.#hasSpoken = true;
    const bytes = typeof frame === "string" ? Buffer.from(frame) : frame;
    this.#outbox?.add(bytes, command === "SEND");
  }

  /**
   * Resolves when the broker has done what the frame says. Rejects when the connection is lost
   * before, or with `StompRefusal`; then it is not known whether it was done.
   */
  receipted(command: string, headers: readonly string[], body: Body = ""): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (this.#isDestroyed || this.#outbox === null) {
      reject(new Error("the connection is lost"));
      return promise;
    }
    this.#receiptsMade += 1;
    const receipt = String(this.#receiptsMade);
    this.#receipts.set(receipt, { resolve, reject });
    this.send(command, [...headers, "receipt", receipt], body);
    return promise;
  }

  /** Throws when the broker has been silent for too long. */
  assertAlive(): void {
    const { clock, heartbeatMs } = this.#options;
    const silentMs = clock.monotonicMs() - this.#heardAtMs;
    if (silentMs > 2 * heartbeatMs) throw new Error("no heart-beat in time");
  }

  destroy(): void {
    this.#end(new Error("the connection is lost"));
  }

  #read(bytes: Uint8Array): void {
    if (this.#isDestroyed) return;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    try {
      this.#decoder.push(bytes, (frame) => this.#take(frame));
    } catch (fault) {
      this.#lose(fault);
    }
  }

  #take(frame: Frame): void {
    if (this.#isDestroyed) return;
    switch (frame.command) {
      case "CONNECTED":
        this.#decoder.version = "1.2";
        this.#beat(frame.header("heart-beat"));
        this.#connected.resolve();
        break;
      case "MESSAGE":
        this.#options.received(frame);
        break;
      case "RECEIPT": {
        const id = frame.header("receipt-id") ?? "";
        this.#receipts.get(id)?.resolve();
        this.#receipts.delete(id);
        break;
      }
      case "ERROR":
        this.#lose(new StompRefusal(frame.header("message") ?? "", reasonIn(frame)));
        break;
      default:
    }
  }

  /** @param header `sx,sy` of CONNECTED: the broker promises the one, and wants the other */
  #beat(header = "0,0"): void {
    const { heartbeatMs, clock } = this.#options;
    const wanted = Number(header.split(",")[1]);
    if (!(wanted > 0)) return;
    this.#mustSpeakEveryMs = Math.max(heartbeatMs, wanted);
    const beat = () => {
      if (!this.#hasSpoken) this.#outbox?.add(Buffer.from("\n"), false);
      this.#hasSpoken = false;
      this.#timer = clock.schedule(this.#mustSpeakEveryMs / 2, beat);
    };
    beat();
  }

  #lose(fault: unknown): void {
    if (this.#isDestroyed) return;
    this.#end(fault instanceof Error ? fault : new Error("the connection was closed"));
    if (fault === null) this.#onEnd();
    else this.#onError(fault);
  }

  #end(fault: Error): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#timer?.cancel();
    this.#decoder.stop();
    this.#connected.reject(fault);
    for (const { reject } of this.#receipts.values()) reject(fault);
    this.#receipts.clear();
    this.#unsent = this.unsent;
    this.#outbox = null;
    this.#socket?.terminate();
  }
}

function tlsOptions(host: string) {
  // An address is no server name [RFC 6066 §3].
  const isAddress = /^[\d.]+$/.test(host) || host.includes(":");
  return { rejectUnauthorized: false, ...(!isAddress && { serverName: host }) };
}

/** The broker's words: an ERROR's header says in short what its body says. */
function reasonIn(frame: Frame): string {
  const body = typeof frame.body === "string" ? frame.body : Buffer.from(frame.body).toString();
  return body.trim() || frame.header("message") || "the broker refuses";
}
