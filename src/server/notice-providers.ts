import type { Clock } from "../clock.ts";
import type { Settings } from "../config.ts";
import { openApns } from "../notify/apns.ts";
import { openEmail } from "../notify/email/open-email.ts";
import { openFcm } from "../notify/fcm.ts";
import { OutboundClient } from "../notify/outbound.ts";
import type { NoticeProvider } from "../notify/provider.ts";

/** The ways in which the settings have users told, and the guard of calls to foreign URLs. */
export interface NoticeProviders {
  readonly outbound: OutboundClient;
  /** At most one of a channel; none: nobody is told. */
  readonly all: readonly NoticeProvider[];
}

/** Connects to nobody yet. Rejects with AppError INVALID_CONFIGURATION, such as of a key's file. */
export async function openNoticeProviders(
  settings: Settings,
  clock: Clock,
): Promise<NoticeProviders> {
  const { outbound: rules, webpush, fcm, apns, email } = settings;
  const outbound = new OutboundClient({ allow: rules.allow });
  const opened = [
    // What encrypts is loaded only where it is wanted.
    webpush.publicKey === undefined
      ? null
      : (await import("../notify/web-push.ts")).openWebPush(webpush, outbound, clock),
    openFcm(fcm, clock),
    openApns(apns, clock),
    await openEmail(email, clock),
  ];
  return { outbound, all: opened.filter((provider) => provider !== null) };
}
