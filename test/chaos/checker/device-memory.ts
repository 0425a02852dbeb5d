import type { Place } from "./evidence.ts";

/** What a device has got over all of its connections. */
export class DeviceMemory {
  /** By message id, when it came last, over a connection. */
  readonly got = new Map<string, Place>();
  /** Read over HTTP; over the connection such a message may still come for the first time. */
  readonly read = new Map<string, Place>();
  /** By message, whatever its id, the id under which it came last. */
  readonly idByKey = new Map<string, string>();

  has(id: string): boolean {
    return this.got.has(id) || this.read.has(id);
  }
}
