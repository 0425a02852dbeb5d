import type { OnMessage } from "../web-socket.ts";
import { isMessage, numberOf, probeBody } from "./body.ts";
import type { Connection, ConnectOptions, Dialect } from "./dialect.ts";
import { noPeerFaults } from "./work.ts";

/** Connections set up at the same time, as a gentle crowd would. */
const AT_ONCE = 32;
const PROBE_TIMEOUT_MS = 3_000;
const PROBE_ROUNDS = 20;

export interface Member {
  readonly connection: Connection;
  /** The last probe that it got. */
  probe: number;
}

/**
 * Connections with a subscription each. Not every server says when a subscription is in place, so
 * it is tried: a probe is published until everyone has had it.
 */
export class Crowd {
  readonly faults = noPeerFaults();
  readonly members: Member[] = [];
  readonly #dialect: Dialect;
  readonly #port: number;
  #probes = 0;

  constructor(dialect: Dialect, port: number) {
    this.#dialect = dialect;
    this.#port = port;
  }

  /** `onMessage` gets what is no probe; the member at `index` subscribes to `channelOf(index)`. */
  async join(
    count: number,
    channelOf: (index: number) => string,
    onMessage: (index: number, ...body: Parameters<OnMessage>) => void,
  ): Promise<void> {
    for (let done = 0; done < count; done += AT_ONCE) {
      const first = this.members.length;
      const some = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, at) => first + at);
      await Promise.all(
        some.map(async (index) => {
          const member = await this.#connect(index, (bytes, start, end) =>
            onMessage(index, bytes, start, end),
          );
          this.members[index] = member;
          member.connection.subscribe(channelOf(index));
        }),
      );
    }
  }

  /** One that has no subscription. */
  async outsider(): Promise<Connection> {
    return this.#open("publisher", () => {});
  }

  /** Resolves when a probe, sent by `publish` to all members, has reached all of them. */
  async settled(publish: (probe: string) => void): Promise<void> {
    for (let round = 1; round <= PROBE_ROUNDS; round += 1) {
      this.#probes += 1;
      const probe = this.#probes;
      publish(probeBody(probe));
      const hasAll = () => this.members.every((member) => member.probe >= probe);
      const untilMs = performance.now() + PROBE_TIMEOUT_MS;
      while (!hasAll() && performance.now() < untilMs) await Bun.sleep(10);
      if (hasAll()) return;
    }
    const deaf = this.members.filter((member) => member.probe < this.#probes).length;
    throw new Error(`${deaf} of ${this.members.length} subscriptions are not in place`);
  }

  leave(): void {
    for (const { connection } of this.members) connection.close();
  }

  async #connect(index: number, onMessage: OnMessage): Promise<Member> {
    let member: Member | null = null;
    const connection = await this.#open(`user-${index}`, (bytes, start, end) => {
      if (isMessage(bytes, start)) onMessage(bytes, start, end);
      else if (member !== null) member.probe = numberOf(bytes, start, end);
    });
    member = { connection, probe: 0 };
    return member;
  }

  #open(userId: string, onBody: ConnectOptions["onBody"]): Promise<Connection> {
    return this.#dialect.connect({
      port: this.#port,
      userId,
      onBody,
      onLost: (reason) => {
        if (this.faults.disconnected === 0) console.error(`${userId} was disconnected: ${reason}`);
        this.faults.disconnected += 1;
      },
    });
  }
}
