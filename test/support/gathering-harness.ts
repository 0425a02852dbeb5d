import { Broker } from "../../src/broker/broker.ts";
import type { Payload } from "../../src/broker/frame-sheet.ts";
import { Outgoing } from "../../src/broker/outgoing.ts";
import type { Peer } from "../../src/broker/subscription.ts";
import { TopicPattern } from "../../src/broker/topic-pattern.ts";
import type { Wire } from "../../src/broker/wire.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeConnection, FakeEngine } from "./session-harness.ts";

export const GATHER_MS = 4;
/** The least that counts as large. */
export const CROWD = 16;
export const TOPIC = "/topic/t";

/** Its publishes release nothing, as the native ones. */
class NativeEngine extends FakeEngine {
  published = 0;
  override publish(channel: string, payload: Payload): void {
    this.published += 1;
    for (const member of this.members.get(channel) ?? []) arrive(member, payload);
  }
}

/** As the WebSocket connections do it: what goes to one of them releases first. */
class ReleasingConnection extends FakeConnection {
  constructor(
    engine: FakeEngine,
    readonly release: (peer: Peer) => void,
    framing: "raw" | "sockjs",
  ) {
    super(engine, framing);
  }
  override send(payload: Payload): void {
    this.release(this);
    arrive(this, payload);
  }
  override sendTogether(payloads: readonly Payload[]): void {
    for (const payload of payloads) arrive(this, payload);
  }
  override publishToOthers(channel: string, payload: Payload): void {
    for (const member of this.engine.members.get(channel) ?? []) {
      if (member !== this) arrive(member, payload);
    }
  }
  override bufferedBytes(): number {
    this.release(this);
    return this.sent.length;
  }
  override close(code: number, reason: string): void {
    this.release(this);
    super.close(code, reason);
  }
}

/** A payload is good until the call returns. */
function arrive(connection: FakeConnection, payload: Payload): void {
  if (connection.closedWith !== null) return;
  connection.sent.push(typeof payload === "string" ? payload : new Uint8Array(payload));
}

export function gatheringHarness(gatherMs = GATHER_MS, clock = new FakeClock()) {
  const engine = new NativeEngine();
  const broker = new Broker(engine, clock, gatherMs);
  const open = (wire: Wire = "text") =>
    new ReleasingConnection(
      engine,
      (peer) => broker.release(peer),
      wire === "sockjs" ? "sockjs" : "raw",
    );
  const subscribe = (peer: Peer, key = TOPIC, id = "sub-0", wire: Wire = "text") => {
    const request = { peer, key, pattern: TopicPattern.parse(key), destination: key, id, wire };
    return broker.subscribe({ ...request, version: "1.2" }, null);
  };
  const publish = (body: string | Uint8Array, topic = TOPIC) =>
    broker.publish(topic, new Outgoing(`m-${body.length}`, body, []));
  /** One after the other, within the time in which they may wait for each other. */
  const publishSoon = async (...all: readonly string[]) => {
    for (const body of all) {
      clock.advance(1);
      publish(body);
      await endOfTurn();
    }
  };
  /** With one id for all, or one for each. */
  const crowd = (count = CROWD, ids: "shared" | "distinct" = "shared", wire: Wire = "text") =>
    Array.from({ length: count }, (_, index) => {
      const peer = open(wire);
      subscribe(peer, TOPIC, ids === "shared" ? "sub-0" : `sub-${index}`, wire);
      return peer;
    });
  return { clock, engine, broker, open, subscribe, publish, publishSoon, crowd };
}

/** Of the event loop. */
export const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));
export const bodies = (peer: FakeConnection) => peer.frames().map((frame) => frame.text());

/** For what is undefined in no case. */
export function never(): never {
  throw new Error("there is none");
}
