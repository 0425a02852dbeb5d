import type { LinkHandler, Wire } from "../link.ts";
import type { Random } from "../random.ts";

/** What a server must take out of a client's bytes. */
export type Inbound =
  | { readonly kind: "stomp"; readonly bytes: Buffer; readonly isText: boolean }
  | { readonly kind: "ping"; readonly payload: string }
  /** To be answered with an ERROR. */
  | { readonly kind: "malformed"; readonly why: string }
  /** To be closed, ERROR or not. */
  | { readonly kind: "end"; readonly why: string };

/** What a client takes out of a server's bytes. */
export type Outbound =
  | { readonly kind: "stomp"; readonly bytes: Buffer }
  | { readonly kind: "pong"; readonly payload: string }
  | { readonly kind: "garbage"; readonly text: string };

/** What the reference makes of the bytes of one connection, in either direction. */
export interface CarrierReader {
  fromClient(bytes: Buffer): Inbound[];
  fromServer(bytes: Buffer): Outbound[];
  /** The client's next byte begins a message of the carrier. */
  readonly isBetweenMessages: boolean;
}

/** The server's. */
export interface Ports {
  readonly http: number;
  readonly tcp: number;
}

/** One way in which STOMP reaches the server. */
export interface Carrier {
  readonly name: string;
  /** Rejects when the server does not let it in. */
  open(ports: Ports, handler: LinkHandler): Promise<Wire>;
  /** STOMP, split anywhere, as pieces to be written one after another. */
  pack(stomp: Buffer, random: Random): Buffer[];
  /** Something that breaks the carrier's own rules, or nearly does. */
  breach(stomp: Buffer, random: Random): Buffer[];
  reader(): CarrierReader;
}

/** The parts between random cuts; one part most of the time. */
export function splitAnywhere(bytes: Buffer, random: Random): Buffer[] {
  if (bytes.length < 2 || random.chance(0.6)) return [bytes];
  if (bytes.length < 60 && random.chance(0.15)) {
    return [...bytes].map((octet) => Buffer.of(octet));
  }
  const cuts = Array.from({ length: random.between(1, 4) }, () => random.below(bytes.length));
  cuts.sort((a, b) => a - b);
  let from = 0;
  return [...cuts, bytes.length].map((cut) => {
    const part = bytes.subarray(from, cut);
    from = cut;
    return part;
  });
}
