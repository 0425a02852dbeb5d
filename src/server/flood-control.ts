import { AddressList } from "../address-list.ts";
import { FrameRates } from "../app/frame-rates.ts";
import { AddressRate } from "../auth/address-rate.ts";
import { FailedLogins } from "../auth/failed-logins.ts";
import { LimitKeys } from "../auth/limit-keys.ts";
import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import type { Log } from "../log.ts";
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
  /** Of users to the HTTP API. */
  readonly requests: AddressRate;
  /** Of users, to search messages. */
  readonly searches: TokenBuckets;
  admission(sessions: LiveSessions): Admission;
}

export function floodControl({ limits, proxy }: Settings, clock: Clock, log: Log): FloodControl {
  const trusted = AddressList.parse(proxy.trusted);
  const keys = new LimitKeys(trusted);
  const buckets = (perSecond: number, burst: number) =>
    new TokenBuckets(clock, { perSecond, burst });
  const { failedLoginsPerMinute } = limits;
  const messages = buckets(limits.addressMessagesPerSecond, limits.addressMessagesBurst);
  const requests = buckets(limits.requestsPerSecond, limits.requestsBurst);
  const sayUntrusted = (peer: string) => {
    const text = `${proxy.header} comes from a peer that proxy.trusted does not name: if it is your proxy, all its clients count as one address`;
    log.warn({ peer }, text);
  };
  return {
    proxies: { trusted, header: proxy.header, onUntrusted: once(sayUntrusted) },
    keys,
    failedLogins: new FailedLogins(
      keys,
      buckets(failedLoginsPerMinute / 60, failedLoginsPerMinute),
    ),
    rates: new FrameRates({
      addressMessages: new AddressRate(keys, messages, "messages from this address"),
      sends: buckets(limits.sendsPerSecond, limits.sendsBurst),
      subscribes: buckets(limits.subscribesPerSecond, limits.subscribesBurst),
    }),
    requests: new AddressRate(keys, requests, "requests from this address"),
    searches: buckets(limits.searchesPerSecond, limits.searchesBurst),
    admission: (sessions) =>
      new Admission({
        ...{ sessions, keys, clock, random: Math.random },
        connections: connectionLimit(limits.connections),
        connectionsPerAddress: limits.connectionsPerAddress,
        strangersPerAddress: limits.strangersPerAddress,
        connects: { perSecond: limits.connectsPerSecond, burst: limits.connectsBurst },
      }),
  };
}

/** The operator needs to read it one time. */
function once<Argument>(act: (argument: Argument) => void): (argument: Argument) => void {
  let isDone = false;
  return (argument) => {
    if (isDone) return;
    isDone = true;
    act(argument);
  };
}
