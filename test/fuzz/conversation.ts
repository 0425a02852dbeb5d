import type { Carrier, Ports } from "./carriers/carrier.ts";
import { Grammar, type PlannedFrame, USERS, writeFrame } from "./grammar.ts";
import type { Wire } from "./link.ts";
import { mutateBytes, mutateFrame, showsHiddenHeader } from "./mutations.ts";
import type { Fault } from "./oracle.ts";
import type { Random } from "./random.ts";
import { count, type Tally } from "./tally.ts";
import { Trial } from "./trial.ts";

/** What one connection wrote, round by round. */
export type Script = readonly (readonly Buffer[])[];

export interface Outcome {
  readonly faults: readonly Fault[];
  readonly script: Script;
}

export interface Place {
  readonly ports: Ports;
  /** The longest that an answer may take. */
  readonly patienceMs: number;
  readonly tally: Tally;
}

/**
 * One connection from its handshake to its end, in rounds: in each the client writes a volley, good
 * or bad, and waits until the judge has what is owed.
 */
export async function converse(carrier: Carrier, random: Random, place: Place): Promise<Outcome> {
  const script: Buffer[][] = [];
  const client = await TrialClient.open(carrier, place);
  const grammar = new Grammar(random, client.trial.session);
  const rounds = random.between(1, 6);
  try {
    for (let round = 0; round < rounds && !client.isOver; round += 1) {
      const volley = new Volley(carrier, grammar, client, random);
      if (round === 0) volley.open();
      volley.frames(round === rounds - 1);
      const pieces = volley.finish();
      script.push(pieces);
      await client.round(pieces, random.chance(0.2));
    }
  } finally {
    client.end();
  }
  return { faults: client.trial.oracle.faults, script };
}

/** The same bytes once more; what is owed is judged anew. */
export async function replay(carrier: Carrier, script: Script, place: Place): Promise<Outcome> {
  const client = await TrialClient.open(carrier, place);
  for (const pieces of script) {
    if (client.isOver) break;
    for (const piece of pieces) client.trial.sent(piece);
    await client.round(pieces);
  }
  client.end();
  return { faults: client.trial.oracle.faults, script };
}

/** Builds what one round writes. The reference hears of it at once, so that it can go on from there. */
class Volley {
  readonly #pieces: Buffer[] = [];

  constructor(
    readonly carrier: Carrier,
    readonly grammar: Grammar,
    readonly client: TrialClient,
    readonly random: Random,
  ) {}

  open(): void {
    const { random, grammar } = this;
    if (random.chance(0.02)) return; // Something else comes first.
    this.#frame(grammar.connect(random.pick(USERS)), random.chance(0.05));
    if (random.chance(0.94)) this.#frame(grammar.listenToErrors(), false);
  }

  frames(isLast: boolean): void {
    const { random, grammar } = this;
    const length = random.between(1, 40);
    // Most rounds are good: what is behind the first refusal is not read.
    const rate = isLast ? random.pick([0, 0.05, 0.3]) : random.pick([0, 0, 0, 0.02]);
    for (let index = 0; index < length; index += 1) {
      this.#frame(grammar.next(), random.chance(rate));
      if (random.chance(0.03)) this.#stomp(Buffer.from("\n"));
    }
    if (isLast && random.chance(0.3)) this.#frame(grammar.disconnect(), false);
  }

  /** Ends with a fence where the next octet is the client's to choose. */
  finish(): Buffer[] {
    const { trial } = this.client;
    if (!trial.isOver && trial.isBetweenFrames && trial.session.isConnected) {
      this.#stomp(writeFrame(this.grammar.fence(), trial.session.rules));
    }
    return this.#pieces;
  }

  #frame(frame: PlannedFrame, isMutated: boolean): void {
    const { random, carrier, grammar, client } = this;
    const { rules } = client.trial.session;
    const how = isMutated
      ? random.weighted([
          [4, "head"],
          [5, "octets"],
          [2, "carrier"],
        ])
      : "good";
    if (how === "head") mutateFrame(frame, random);
    const written = writeFrame(frame, rules);
    if (how === "carrier") this.#write(carrier.breach(written, random));
    else if (how === "octets") {
      const mutated = mutateBytes(written, writeFrame(grammar.next(), rules), random);
      this.#stomp(showsHiddenHeader(mutated) ? written : mutated);
    } else this.#stomp(written);
  }

  #stomp(bytes: Buffer): void {
    this.#write(this.carrier.pack(bytes, this.random));
  }

  #write(pieces: readonly Buffer[]): void {
    this.#pieces.push(...pieces);
    for (const piece of pieces) this.client.trial.sent(piece);
  }
}

/** A client under judgement. */
class TrialClient {
  #link: Wire | null = null;
  #wake: (() => void) | null = null;

  private constructor(
    readonly trial: Trial,
    readonly place: Place,
  ) {}

  static async open(carrier: Carrier, place: Place): Promise<TrialClient> {
    const client = new TrialClient(new Trial(carrier.reader(), place.tally), place);
    place.tally.connections += 1;
    count(place.tally.carriers, carrier.name);
    client.#link = await carrier.open(place.ports, {
      received: (bytes) => {
        client.trial.received(bytes);
        client.#look();
      },
      closed: () => {
        client.trial.closed();
        place.tally.closed(client.trial.oracle.errorCode);
        client.#look();
      },
    });
    return client;
  }

  get isOver(): boolean {
    return this.trial.isOver || this.trial.oracle.isClosed || this.trial.oracle.faults.length > 0;
  }

  /** Writes, at once or piece by piece, and waits until nothing is owed or the time is over. */
  async round(pieces: readonly Buffer[], isSlow = false): Promise<void> {
    for (const piece of pieces) this.place.tally.bytes += piece.length;
    if (isSlow) await this.#dribble(pieces);
    else this.#link?.write(pieces);
    const { oracle } = this.trial;
    if (oracle.isSettled) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(() => {
      oracle.late();
      resolve();
    }, this.place.patienceMs);
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }

  end(): void {
    this.#link?.end();
  }

  async #dribble(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      this.#link?.write([piece]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #look(): void {
    if (this.trial.oracle.isSettled) this.#wake?.();
  }
}
