import type { NodemailerError } from "nodemailer";
import type { SendOutcome } from "../provider.ts";

/**
 * What has become of an e-mail that a mail server has not taken, by its reply [RFC 5321 §4.2] with the
 * enhanced status code [RFC 3463] where it has one. Reasons have codes alone: texts of replies name
 * addresses.
 */
export function smtpOutcome(fault: unknown): SendOutcome {
  const error: NodemailerError = fault instanceof Error ? fault : new Error("no reason given");
  const { code, responseCode } = error;
  const reply = replyOf(error);
  if (code === "EABORT") return retry("The mail server has not answered in time");
  if (code === "ETLS" && error.command === "STARTTLS" && responseCode !== undefined) {
    return retry("The mail server has no STARTTLS, without which email.require_tls sends nothing");
  }
  // The operator's to mend, and then all goes out that has waited.
  if (code === "EAUTH" || isAuthenticationDemanded(error)) {
    return retry(`The mail server refuses the user or password of email.smtp_url${reply}`);
  }
  const isAboutMessage = code === "EENVELOPE" || code === "EMESSAGE";
  if (!isAboutMessage) return retry(`The mail server cannot be used${codesOf(error)}${reply}`);
  if (responseCode !== undefined && error.permanent !== true) {
    // A mailbox that is full, or greylisting; 421 is said before the server hangs up on anybody.
    const isOfMailbox = error.command === "RCPT TO" && responseCode !== 421;
    const blames = isOfMailbox ? "target" : "provider";
    return retry(`The mail server does not take the e-mail for now${reply}`, blames);
  }
  if (error.command === "RCPT TO" && isMailboxUnknown(error)) {
    return { kind: "gone", reason: `The mail server knows no such mailbox${reply}` };
  }
  return { kind: "refused", reason: `The mail server refuses the e-mail${reply}` };
}

function retry(reason: string, blames: "provider" | "target" = "provider"): SendOutcome {
  return { kind: "retry", blames, reason, afterMs: null };
}

/** [RFC 4954 §6] */
function isAuthenticationDemanded({ responseCode = 0 }: NodemailerError): boolean {
  return [530, 534, 535, 538].includes(responseCode);
}

/** What says that an address leads nowhere: subjects 1 and 2 of RFC 3463, in part. */
const NO_MAILBOX = ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"];

/** As servers say it that send no enhanced status codes. */
const NO_MAILBOX_TEXT =
  /\b(?:no such|unknown|invalid|non-?existent)\b.{0,24}\b(?:user|mailbox|recipient|address|account)\b|\b(?:user|mailbox|recipient|address|account)\b.{0,64}\b(?:unknown|not found|(?:does not|doesn't) exist|unavailable)\b/i;

/**
 * In doubt it is known: a server that has put this one on a list of senders of spam answers 550 as
 * well, and nobody's address is to be forgotten for that.
 */
function isMailboxUnknown({ responseCode, response = "" }: NodemailerError): boolean {
  const status = enhancedStatus(response);
  if (status !== null) return NO_MAILBOX.includes(status);
  if (responseCode === 551 || responseCode === 553) return true;
  return responseCode === 550 && NO_MAILBOX_TEXT.test(response);
}

/** After the reply's code, or in brackets at the end as qmail has it. */
function enhancedStatus(response: string): string | null {
  return /(?:^5\d\d[ -]|#)(5\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null;
}

function replyOf({ responseCode, response = "" }: NodemailerError): string {
  if (responseCode === undefined) return "";
  const status = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
  return ` (${responseCode}${status === undefined ? "" : ` ${status}`})`;
}

/** Of the network or TLS, such as ECONNREFUSED or CERT_HAS_EXPIRED. */
function codesOf({ originalCode, code }: NodemailerError): string {
  const found = originalCode ?? code ?? "";
  return /^[A-Z][A-Z0-9_]{1,63}$/.test(found) ? ` (${found})` : "";
}
