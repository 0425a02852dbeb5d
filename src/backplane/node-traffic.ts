import { decodeNodeFrame, NodeFrames } from "./node-frame.ts";
import type { NodeReports } from "./node-reports.ts";
import { Repetitions } from "./repetitions.ts";

/** What nodes say to each other by a server that only passes bytes on. */
export class NodeTraffic {
  readonly #reports: NodeReports;
  readonly #frames: NodeFrames;
  readonly #repetitions = new Repetitions();

  /** @param nodeId of at most 255 bytes */
  constructor(nodeId: string, reports: NodeReports) {
    this.#reports = reports;
    this.#frames = new NodeFrames(nodeId);
  }

  /** The payload with this node's mark. */
  encode(payload: Uint8Array): Buffer {
    return this.#frames.encode(payload);
  }

  /** Reports what another node says, once; counts what is of no node of this version. */
  received(channel: string, bytes: Buffer): void {
    if (!this.#reports.isHeard) return;
    const frame = decodeNodeFrame(bytes);
    if (frame === null) {
      this.#reports.counts.invalid += 1;
      return;
    }
    const { run, number, nodeId, payload } = frame;
    if (run === this.#frames.run || this.#repetitions.has(run, number)) return;
    this.#reports.received(nodeId, channel, payload);
  }
}
