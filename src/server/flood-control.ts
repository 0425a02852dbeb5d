import { AddressList } from "../address-list.ts";
import { FrameRates } from "../app/frame-rates.ts";
import { FailedLogins } from "../auth/failed-logins.ts";
import { LimitKeys } from "../auth/limit-keys.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { TokenBuckets } from "../token-buckets.ts";
import { Admission } from "../transport/admission.ts";
import type { ProxyPolicy } from "../transport/client-address.ts";
import type { LiveSessions } from "../transport/live-sessions.ts";
import { connectionLimit } from "./connection-limit.ts";

/** What keeps users and addresses from taking the server away from others. */
export interface FloodControl {
  readonly proxies: ProxyPolicy;
  readonly keys: LimitKeys;
  readonly failedLogins: FailedLogins;
  readonly rates: FrameRates;
  admission(sessions: LiveSessions): Admission;
}

export function floodControl({ limits, proxy }: Settings, clock: Clock): FloodControl {
  const trusted = AddressList.parse(proxy.trusted);
  const keys = new LimitKeys(trusted);
  const failures = {
    perSecond: limits.failedLoginsPerMinute / 60,
    burst: limits.failedLoginsPerMinute,
  };
  return {
    proxies: { trusted, header: proxy.header },
    keys,
    failedLogins: new FailedLogins(keys, new TokenBuckets(clock, failures)),
    rates: new FrameRates({
      ...{ clock, keys },
      addressMessages: {
        perSecond: limits.addressMessagesPerSecond,
        burst: limits.addressMessagesBurst,
      },
      sends: { perSecond: limits.sendsPerSecond, burst: limits.sendsBurst },
      subscribes: { perSecond: limits.subscribesPerSecond, burst: limits.subscribesBurst },
    }),
    admission: (sessions) =>
      new Admission({
        ...{ sessions, keys, clock, random: Math.random },
        connections: connectionLimit(limits.connections),
        connectionsPerAddress: limits.connectionsPerAddress,
        connects: { perSecond: limits.connectsPerSecond, burst: limits.connectsBurst },
      }),
  };
}
