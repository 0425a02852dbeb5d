import type { Engine, Peer } from "../broker/subscription.ts";
import type { Clock, Timer } from "../clock.ts";
import type { HeartbeatSettings } from "./ports.ts";

/** What both sides agreed on [STOMP 1.2 §Heart-beating]; 0 is none. */
export interface HeartbeatAgreement {
  /** The value of CONNECTED's `heart-beat` header. */
  readonly header: string;
  /** The server sends something at least this often. */
  readonly sendEveryMs: number;
  /** The client sends something at least this often. */
  readonly receiveEveryMs: number;
}

/**
 * A client that asks for heart-beats more often than the server's usual interval gets them, down to
 * the minimum. `offered` is the client's header, `<can send every>,<wants every>`; null when it is
 * of another form.
 */
export function agreeOnHeartbeats(
  offered: string | undefined,
  settings: HeartbeatSettings,
): HeartbeatAgreement | null {
  const parts = /^(\d{1,9}),(\d{1,9})$/.exec(offered ?? "0,0");
  if (parts === null) return null;
  const clientSendsMs = Number(parts[1]);
  const clientWantsMs = Number(parts[2]);
  const serverSendsMs =
    settings.sendMs === 0 || clientWantsMs === 0
      ? settings.sendMs
      : Math.max(settings.minimumMs, Math.min(settings.sendMs, clientWantsMs));
  const agreed = (sender: number, receiver: number) =>
    sender === 0 || receiver === 0 ? 0 : Math.max(sender, receiver);
  return {
    header: `${serverSendsMs},${settings.receiveMs}`,
    sendEveryMs: agreed(serverSendsMs, clientWantsMs),
    receiveEveryMs: agreed(clientSendsMs, settings.receiveMs),
  };
}

/**
 * Sends the heart-beats of all connections, STOMP's and SockJS's: those of one interval are spread
 * over slots, and a slot is one native publish, not one write for each connection.
 */
export class HeartbeatSender {
  readonly #slots = new Map<string, HeartbeatSlot>();
  #joined = 0;
  #turn = 0;
  /** When the next turn is due, by the monotonic clock. */
  #dueMs = 0;
  #timer: Timer | null = null;

  /** @param tickMs the time between two slots, and so the precision of the intervals */
  constructor(
    readonly clock: Clock,
    readonly engine: Engine,
    readonly tickMs: number,
  ) {}

  /** The first heart-beat comes within one interval. Returns what `remove` ends it by. */
  add(peer: Peer, payload: string | Uint8Array, everyMs: number): HeartbeatSlot {
    // Rounded down: a heart-beat may come early, not late.
    const ticks = Math.max(1, Math.floor(everyMs / this.tickMs));
    this.#joined += 1;
    const position = this.#joined % ticks;
    const kind = typeof payload === "string" ? payload : "binary";
    const channel = `heart-beat ${ticks} ${position} ${kind}`;
    let slot = this.#slots.get(channel);
    if (slot === undefined) {
      slot = { channel, payload, ticks, position, peers: 0, singly: new Set() };
      this.#slots.set(channel, slot);
    }
    slot.peers += 1;
    if (peer.topics === null) slot.singly.add(peer);
    else peer.topics.join(channel);
    if (this.#timer === null) {
      this.#dueMs = this.clock.monotonicMs() + this.tickMs;
      this.#timer = this.clock.schedule(this.tickMs, this.#tick);
    }
    return slot;
  }

  /** Once for each `add`. */
  remove(peer: Peer, slot: HeartbeatSlot): void {
    peer.topics?.leave(slot.channel);
    slot.singly.delete(peer);
    slot.peers -= 1;
    if (slot.peers === 0) this.#slots.delete(slot.channel);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#slots.clear();
  }

  /** The timer of a busy server is late, and later each time: what it has missed is made good. */
  readonly #tick = (): void => {
    const nowMs = this.clock.monotonicMs();
    const turns = 1 + Math.max(0, Math.floor((nowMs - this.#dueMs) / this.tickMs));
    this.#dueMs += turns * this.tickMs;
    for (const slot of this.#slots.values()) if (isDue(slot, this.#turn, turns)) this.#beat(slot);
    this.#turn += turns;
    const waitMs = Math.max(0, this.#dueMs - nowMs);
    this.#timer = this.#slots.size === 0 ? null : this.clock.schedule(waitMs, this.#tick);
  };

  #beat({ channel, payload, peers, singly }: HeartbeatSlot): void {
    if (peers > singly.size) this.engine.publish(channel, payload);
    for (const peer of singly) peer.send(payload);
  }
}

/** One of the turns after that one is the slot's. */
function isDue({ ticks, position }: HeartbeatSlot, turn: number, turns: number): boolean {
  const turnsUntil = (((position - turn - 1) % ticks) + ticks) % ticks;
  return turnsUntil < turns;
}

/** Peers that get their heart-beats at the same time. */
export interface HeartbeatSlot {
  readonly channel: string;
  readonly payload: string | Uint8Array;
  readonly ticks: number;
  readonly position: number;
  peers: number;
  /** Those of the peers that the engine's topics do not reach. */
  readonly singly: Set<Peer>;
}
