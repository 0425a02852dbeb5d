import { makePrincipal } from "../../src/auth/authenticator.ts";
import type { Principal } from "../../src/auth/principal.ts";
import type { Remote } from "../../src/auth/remote.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { Destination } from "../../src/broker/destination.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import type { Engine, PeerTopics } from "../../src/broker/subscription.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";
import { AppError } from "../../src/errors.ts";
import { type Log, silentLog } from "../../src/log.ts";
import type { MaybePromise } from "../../src/maybe-promise.ts";
import { HeartbeatSender } from "../../src/session/heartbeats.ts";
import type {
  Application,
  Connection,
  RECEIPT_DEFERRED,
  SubscriptionPolicy,
} from "../../src/session/ports.ts";
import { Publisher } from "../../src/session/publisher.ts";
import { Session } from "../../src/session/session.ts";
import type { SessionSubscription } from "../../src/session/session-subscription.ts";
import { SharedTexts } from "../../src/session/shared-texts.ts";
import type { Settlement } from "../../src/session/transactions.ts";
import { decodeMessages } from "../../src/sockjs/framing.ts";
import { Decoder } from "../../src/stomp/decoder.ts";
import type { Frame } from "../../src/stomp/frame.ts";
import { FakeClock } from "./fake-clock.ts";
import { HeldQueueStore, testQueues } from "./held-queue-store.ts";
import { LOCAL } from "./remote.ts";

/** Native topics without sockets. */
export class FakeEngine implements Engine {
  readonly members = new Map<string, Set<FakeConnection>>();

  publish(channel: string, payload: string | Uint8Array): void {
    for (const member of this.members.get(channel) ?? []) member.send(payload);
  }
}

/** A transport that remembers what it was told to send. */
export class FakeConnection implements Connection, PeerTopics {
  readonly topics = this;
  remote: Remote = LOCAL;
  readonly sent: (string | Uint8Array)[] = [];
  closedWith: [number, string] | null = null;
  isTerminated = false;
  #own: string | null = null;
  buffered = 0;
  isReading = true;

  constructor(
    readonly engine: FakeEngine,
    readonly framing: "raw" | "sockjs" = "raw",
  ) {}

  send(payload: string | Uint8Array): void {
    if (this.closedWith === null) this.sent.push(payload);
  }
  sendTogether(payloads: readonly (string | Uint8Array)[]): void {
    // A payload is good until the call returns.
    for (const payload of payloads) {
      this.send(typeof payload === "string" ? payload : new Uint8Array(payload));
    }
  }
  bufferedBytes(): number {
    return this.buffered;
  }
  close(code: number, reason: string): void {
    this.closedWith ??= [code, reason];
  }
  terminate(): void {
    this.isTerminated = true;
  }
  join(channel: string): void {
    const members = this.engine.members.get(channel) ?? new Set();
    this.engine.members.set(channel, members.add(this));
  }
  leave(channel: string): void {
    this.engine.members.get(channel)?.delete(this);
  }
  own(newName: () => string): string {
    if (this.#own === null) {
      this.#own = newName();
      this.join(this.#own);
    }
    return this.#own;
  }
  publishToOthers(channel: string, payload: string | Uint8Array): void {
    for (const member of this.engine.members.get(channel) ?? []) {
      if (member !== this) member.send(payload);
    }
  }

  /** Frames sent so far, in order; heart-beats left out. */
  frames(): Frame[] {
    const decoder = new Decoder({
      maxFrameBytes: 1 << 20,
      maxHeaders: 100,
      maxHeaderLineBytes: 1 << 16,
    });
    const frames: Frame[] = [];
    for (const payload of this.sent) {
      const chunks =
        this.framing === "sockjs" && typeof payload === "string"
          ? decodeMessages(payload.slice(1))
          : [payload];
      for (const chunk of chunks) {
        decoder.push(chunk, (frame) => {
          if (frame.command === "CONNECTED") {
            const version = frame.header("version");
            if (version === "1.0" || version === "1.1" || version === "1.2")
              decoder.version = version;
          }
          frames.push(frame);
        });
      }
    }
    return frames;
  }

  last(): Frame {
    const frame = this.frames().at(-1);
    if (frame === undefined) throw new Error("nothing was sent");
    return frame;
  }

  commands(): string[] {
    return this.frames().map((frame) => frame.command);
  }
}

/** Admits everybody as who they say they are, and everything but `/topic/forbidden`. */
export class FakeApplication implements Application {
  /** When the proofs of those who connect end. */
  expiresMs: number | null = null;
  readonly handled: string[] = [];
  readonly acked: unknown[][] = [];
  readonly caughtUp: SessionSubscription[] = [];
  /** What SEND to an /app destination does. */
  onSend: (frame: Frame) => MaybePromise<typeof RECEIPT_DEFERRED | undefined> = () => undefined;

  authenticate(credentials: { header(name: string): string | undefined }): Principal {
    const userId = credentials.header("login");
    if (userId === undefined) throw new AppError("AUTHENTICATION_REQUIRED", "who are you?");
    return makePrincipal({ userId, expiresMs: this.expiresMs });
  }
  permitConnection(): void {}
  countSend(): void {}
  connected(): void {
    this.handled.push("connected");
  }
  disconnected(): void {
    this.handled.push("disconnected");
  }
  permitSend(_session: Session, destination: Destination): void {
    if (destination.name === "/topic/forbidden") throw new AppError("FORBIDDEN_DESTINATION", "no");
  }
  send(_session: Session, destination: string, frame: Frame) {
    this.handled.push(`${destination} ${frame.text()}`);
    return this.onSend(frame);
  }
  admit(session: Session, destination: Destination): MaybePromise<SubscriptionPolicy> {
    if (destination.name === "/topic/forbidden") throw new AppError("FORBIDDEN_DESTINATION", "no");
    if (destination.kind === "queue") return { kind: "work-queue" };
    const key =
      destination.kind === "user"
        ? `/user/${session.principal.userId}/queue/${destination.queue}`
        : destination.name;
    return {
      kind: "broadcast",
      key,
      pattern: destination.kind === "topic" ? TopicPattern.parse(key) : null,
      oncePerConnection: destination.name.startsWith("/topic/typing/"),
      catchUp: destination.kind === "user" && destination.queue === "messages",
      holds: () => true,
    };
  }
  catchUp(_session: Session, subscription: SessionSubscription): void {
    this.caughtUp.push(subscription);
  }
  unsubscribed(): void {}
  heldBytes(): number {
    return 0;
  }
  acknowledged(_session: Session, { deliveries, positive }: Settlement): void {
    if (positive) this.acked.push(deliveries.map(({ tag }) => tag));
  }
  drained(): void {
    this.handled.push("drained");
  }
}

export function sessionHarness(framing: "raw" | "sockjs" = "raw") {
  const clock = new FakeClock();
  const engine = new FakeEngine();
  const broker = new Broker(engine);
  const application = new FakeApplication();
  /** Why connections ended that did not take what was sent to them. */
  const cutOffs: string[] = [];
  let ids = 0;
  const newId = () => `id-${++ids}`;
  const log: Log = silentLog;
  const store = new HeldQueueStore();
  const queues = testQueues({ store, clock, newId });
  const environment = {
    publisher: new Publisher({
      broker,
      application,
      newId,
      newTopicMessageId: newId,
      onSend: () => {},
    }),
    ...{ broker, queues, application, clock, newId, log },
    observer: { refused: () => {}, cutOff: (cause: string) => cutOffs.push(cause) },
    onSettled: null,
    serverName: "parley/test",
    expiryWarningMs: 60_000,
    heartbeatSender: new HeartbeatSender(clock, engine, 250),
    texts: new SharedTexts(),
    heartbeat: { sendMs: 10_000, receiveMs: 10_000, minimumMs: 1_000 },
    limits: {
      frameBytes: 4_096,
      connectFrameBytes: 2_048,
      patterns: 10,
      headers: 16,
      headerLineBytes: 512,
      subscriptions: 20,
      pendingFrames: 4,
      pendingBytes: 4_096,
      unacknowledgedMessages: 8,
      unacknowledgedBytes: 1_000,
      sendBufferBytes: 4_096,
      prefetch: 4,
      transactions: 2,
      transactionFrames: 6,
      transactionBytes: 2_048,
      connectMs: 30_000,
      blockedMs: 20_000,
    },
  };
  const open = (connection = new FakeConnection(engine, framing)) => {
    const session = new Session(connection, environment);
    return { connection, session };
  };
  const connect = (user = "alice", version = "1.2", headers = "") => {
    const opened = open();
    opened.session.receive(`CONNECT\naccept-version:${version}\nlogin:${user}\n${headers}\n\0`);
    return opened;
  };
  const publish = (key: string, body: string, tag: unknown = body) =>
    broker.deliver(key, new Outgoing(environment.newId(), body, [], tag));
  return {
    ...{ clock, engine, broker, queues, store, application, environment },
    ...{ open, connect, publish, cutOffs },
  };
}
