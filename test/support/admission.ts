import { AddressList } from "../../src/address-list.ts";
import { LimitKeys } from "../../src/auth/limit-keys.ts";
import type { Clock } from "../../src/clock.ts";
import { type Log, silentLog } from "../../src/log.ts";
import { Admission } from "../../src/transport/admission.ts";
import { LiveSessions } from "../../src/transport/live-sessions.ts";

export interface DoorOptions {
  readonly random?: () => number;
  readonly log?: Log;
  readonly bufferedBytes?: number;
  /** Unless it is given, memory grows and grows. */
  readonly memoryBytes?: () => number;
  readonly connections?: number;
  readonly connectionsPerAddress?: number;
  readonly strangersPerAddress?: number;
  readonly connectsPerSecond?: number;
  readonly connectsBurst?: number;
}

/** Sessions, and who may open one more; no limits but those that are given, and no trusted proxy. */
export function testDoor(clock: Clock, options: DoorOptions = {}) {
  const { random = () => 0.5, log = silentLog, connectsBurst = 1 } = options;
  let grown = 0;
  const growing = () => {
    grown += 2 ** 30;
    return grown;
  };
  const keys = new LimitKeys(AddressList.parse([]));
  const sessions = new LiveSessions({
    ...{
      clock,
      random,
      keys,
      log,
      checkEveryMs: 1_000,
      buffersEveryMs: 1_000,
      reconnectSpreadMs: 5_000,
    },
    bufferedBytes: options.bufferedBytes ?? Number.POSITIVE_INFINITY,
    memoryBytes: options.memoryBytes ?? growing,
  });
  const admission = new Admission({
    ...{ clock, random, keys, sessions },
    connections: options.connections ?? Number.POSITIVE_INFINITY,
    connectionsPerAddress: options.connectionsPerAddress ?? 0,
    strangersPerAddress: options.strangersPerAddress ?? 0,
    connects: { perSecond: options.connectsPerSecond ?? 0, burst: connectsBurst },
  });
  return { sessions, admission };
}
