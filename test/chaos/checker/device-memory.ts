import type { Place } from "./evidence.ts";

/** What a device has got over all of its connections. */
export class DeviceMemory {
  /** By message id, when it came last. */
  readonly got = new Map<string, Place>();
  /** By message, whatever its id, the id under which it came last. */
  readonly idByKey = new Map<string, string>();
}
