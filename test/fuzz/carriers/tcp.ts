import { Link, type LinkHandler, type Wire } from "../link.ts";
import type { Random } from "../random.ts";
import { type Carrier, type CarrierReader, type Ports, splitAnywhere } from "./carrier.ts";

const STRANGERS = [
  ...["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "\x81\x05hello"],
  ...["EHLO evil\r\n", "\r\n\r\n", "\n\n\n\n", "\0\0\0\0", "STOMP", "\xef\xbb\xbfSEND\n\n\0"],
];

/** STOMP as a stream of bytes: nothing to break but STOMP itself. */
export class TcpCarrier implements Carrier {
  readonly name = "tcp";

  open({ tcp }: Ports, handler: LinkHandler): Promise<Wire> {
    return Link.open(tcp, null, handler);
  }

  pack(stomp: Buffer, random: Random): Buffer[] {
    return splitAnywhere(stomp, random);
  }

  breach(stomp: Buffer, random: Random): Buffer[] {
    return [Buffer.from(random.pick(STRANGERS), "latin1"), stomp];
  }

  reader(): CarrierReader {
    return {
      isBetweenMessages: true,
      fromClient: (bytes) => [{ kind: "stomp", bytes, isText: false }],
      fromServer: (bytes) => [{ kind: "stomp", bytes }],
    };
  }
}
