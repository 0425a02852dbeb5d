import { z } from "zod";
import { MAILBOX_FORMS, parseMailbox } from "./mailbox.ts";
import { boolean, integer, optionalText, text } from "./setting.ts";
import { parseSmtpUrl, SMTP_URL_FORMS } from "./smtp-url.ts";

const MAILBOX = {
  accepts: (value: string) => parseMailbox(value) !== null,
  expected: MAILBOX_FORMS,
};

const NEEDED = ["from", "publicUrl", "unsubscribeSecret"] as const;

/** Notices by e-mail. */
export const email = z
  .object({
    smtpUrl: optionalText(
      "The mail server that takes notices by e-mail; without it there are none.",
      {
        accepts: (url) => parseSmtpUrl(url) !== null,
        expected: SMTP_URL_FORMS,
        secret: true,
      },
    ),
    requireTls: boolean(
      true,
      "Over smtp://, nothing is sent unless the mail server does STARTTLS. false is for a closed network: passwords and messages then go over it in the clear where the mail server has no STARTTLS.",
    ),
    caFile: optionalText(
      "A PEM file with the certificates that vouch for the mail server, in place of those that the system trusts.",
    ),
    connections: integer(
      2,
      { min: 1, max: 100 },
      "The most connections to the mail server, each of which sends one e-mail at a time.",
    ),
    from: optionalText("Whom e-mails are from.", MAILBOX),
    replyTo: optionalText("Where answers to e-mails go, if not to email.from.", MAILBOX),
    publicUrl: optionalText(
      "Where users reach this server, for links in e-mails. One-click unsubscribing needs https.",
      {
        accepts: isPublicUrl,
        expected: "a URL such as https://chat.example, without ? and #",
      },
    ),
    appName: text("Parley", "What e-mails call the place where users chat.", {
      accepts: (name) => name.length <= 64 && /^[^\p{Cc}\p{Cs}]*$/u.test(name),
      expected: "one line of at most 64 characters",
    }),
    showContent: boolean(
      true,
      "E-mails say who wrote and how the newest message begins, to users who wish so; else only how many messages there are.",
    ),
    unsubscribeSecret: optionalText(
      "The key that unsubscribe links are signed with. Who changes it breaks the links in e-mails that have been sent; several servers need the same.",
      {
        accepts: (secret) => Buffer.byteLength(secret) >= 32,
        expected: "at least 32 bytes (`openssl rand -hex 32` makes them)",
        secret: true,
      },
    ),
  })
  .superRefine((settings, context) => {
    if (settings.smtpUrl === undefined) return;
    for (const key of NEEDED) {
      if (settings[key] !== undefined) continue;
      const message = "a value, since there is an email.smtp_url";
      context.addIssue({ code: "custom", path: [key], message });
    }
  });

/** Links with a signed token have to fit into a line of an e-mail's header. */
const LONGEST_URL = 200;

function isPublicUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === "" &&
    url.password === "" &&
    url.href.length <= LONGEST_URL &&
    !/[?#\s]/.test(value)
  );
}
