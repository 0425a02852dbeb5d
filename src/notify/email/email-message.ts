import { createHash } from "node:crypto";
import { domainToASCII } from "node:url";
import type { SendMailOptions } from "nodemailer";
import type { Mailbox } from "../../config/mailbox.ts";
import type { Delivery, Notice } from "../provider.ts";
import { emailContent } from "./email-content.ts";
import type { EmailParts } from "./email-parts.ts";
import { htmlForm } from "./html-form.ts";
import { textForm } from "./text-form.ts";
import { UNSUBSCRIBE_PATH, unsubscribeToken } from "./unsubscribe-token.ts";

/** What all e-mails of a server have in common. */
export interface EmailLook {
  readonly from: Mailbox;
  /** null: answers go to `from`. */
  readonly replyTo: Mailbox | null;
  /** Where users reach the server; without a slash at its end. */
  readonly publicUrl: string;
  readonly appName: string;
  /** E-mails may have names and texts of messages. */
  readonly showContent: boolean;
  readonly unsubscribeSecret: string;
}

/**
 * The e-mail that tells of all notices of a delivery. With the same notices it has the same
 * `Message-ID`, by which mail servers and programs know a repetition.
 */
export function emailMessage(
  { target, notices }: Delivery,
  look: EmailLook,
  nowMs: number,
): SendMailOptions {
  const { from, replyTo, publicUrl, appName } = look;
  const token = unsubscribeToken(
    { userId: target.userId, targetId: target.id },
    look.unsubscribeSecret,
  );
  const unsubscribeUrl = `${publicUrl}${UNSUBSCRIBE_PATH}?token=${token}`;
  const pageUrl = `${publicUrl}/`;
  const parts: EmailParts = {
    ...{ content: emailContent(notices, look.showContent), appName, pageUrl, unsubscribeUrl },
    linkTo: (conversationId) => `${pageUrl}#${encodeURIComponent(conversationId)}`,
  };
  return {
    from: headerAddress(from),
    to: { name: "", address: target.address },
    ...(replyTo !== null && { replyTo: headerAddress(replyTo) }),
    // What looks like an encoded word would be decoded by who reads it [RFC 2047 §2].
    subject: parts.content.subject.replaceAll("=?", "= ?"),
    messageId: messageIdOf(notices, from),
    date: new Date(nowMs),
    text: textForm(parts),
    html: htmlForm(parts),
    headers: {
      // [RFC 3834 §5] and what Exchange knows in its place: nobody's absence is answered to it.
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "List-Unsubscribe": { prepared: true, value: `<${unsubscribeUrl}>` },
      // One click is for https only [RFC 8058 §3.1].
      ...(publicUrl.startsWith("https:") && {
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
      }),
    },
  };
}

function headerAddress({ name, address }: Mailbox) {
  return { name: name ?? "", address };
}

function messageIdOf(notices: readonly Notice[], { address }: Mailbox): string {
  const keys = notices.map(({ key }) => key).sort();
  const digest = createHash("sha256").update(JSON.stringify(keys)).digest("hex").slice(0, 32);
  return `<notice.${digest}@${domainToASCII(address.slice(address.lastIndexOf("@") + 1))}>`;
}
