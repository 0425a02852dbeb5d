import type { LinkHandler, Wire } from "../link.ts";
import type { Random } from "../random.ts";
import { readSockJs, TextStream } from "../reference/sockjs.ts";
import { XhrLink } from "../xhr-link.ts";
import type { Carrier, CarrierReader, Ports } from "./carrier.ts";
import { brokenSockJs, readSockJsFrame, sockJsBody } from "./sockjs-frames.ts";

/** STOMP in SockJS messages, each the body of an HTTP request; a broken one harms only itself. */
export class SockJsXhrCarrier implements Carrier {
  readonly name = "sockjs xhr";

  open({ http }: Ports, handler: LinkHandler): Promise<Wire> {
    return XhrLink.open(http, handler);
  }

  pack(stomp: Buffer, random: Random): Buffer[] {
    return [sockJsBody(stomp, random)];
  }

  breach(stomp: Buffer, random: Random): Buffer[] {
    return [brokenSockJs(stomp, random)];
  }

  reader(): CarrierReader {
    const stream = new TextStream();
    let rest = "";
    return {
      isBetweenMessages: true,
      fromClient: (bytes) =>
        (readSockJs(bytes.toString()) ?? []).map((text) => ({
          ...{ kind: "stomp", isText: true },
          bytes: stream.push(text),
        })),
      fromServer: (bytes) => {
        const lines = (rest + bytes.toString()).split("\n");
        rest = lines.pop() ?? "";
        return lines.filter((line) => !/^h*$/.test(line)).flatMap(readSockJsFrame);
      },
    };
  }
}
