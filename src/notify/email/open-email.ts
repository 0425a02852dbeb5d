import { readFileSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import { parseMailbox } from "../../config/mailbox.ts";
import { parseSmtpUrl } from "../../config/smtp-url.ts";
import type { Settings } from "../../config.ts";
import { AppError } from "../../errors.ts";
import type { NoticeProvider } from "../provider.ts";

/**
 * E-mail as the settings say; null: there is none. The library is loaded only where it is wanted; no
 * connection is made before the first e-mail.
 *
 * @throws AppError INVALID_CONFIGURATION
 */
export async function openEmail(
  settings: Settings["email"],
  clock: Pick<Clock, "now">,
): Promise<NoticeProvider | null> {
  const { smtpUrl, publicUrl, unsubscribeSecret } = settings;
  if (smtpUrl === undefined) return null;
  const server = parseSmtpUrl(smtpUrl);
  const from = parseMailbox(settings.from ?? "");
  if (
    server === null ||
    from === null ||
    publicUrl === undefined ||
    unsubscribeSecret === undefined
  ) {
    throw new AppError("INVALID_CONFIGURATION", "The settings under email are not complete");
  }
  const { EmailProvider } = await import("./email-provider.ts");
  const { requireTls, connections, appName, showContent, replyTo, caFile } = settings;
  return new EmailProvider({
    ...{ server, requireTls, connections, clock },
    ca: caFile === undefined ? null : certificatesIn(caFile),
    look: {
      ...{ from, appName, showContent, unsubscribeSecret },
      replyTo: replyTo === undefined ? null : parseMailbox(replyTo),
      publicUrl: publicUrl.replace(/\/+$/, ""),
    },
  });
}

function certificatesIn(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new AppError("INVALID_CONFIGURATION", `email.ca_file: ${path} cannot be read`, { cause });
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      `email.ca_file: ${path} holds no certificate in PEM`,
    );
  }
  return text;
}
