/** Where a mail server takes e-mails, and how one gets in. */
export interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  /** From the first byte on; else there may be STARTTLS. */
  readonly isTls: boolean;
  /** undefined: it takes e-mails from whoever reaches it. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

export const SMTP_URL_FORMS =
  "smtp://[USER:PASSWORD@]HOST[:PORT], or smtps:// for TLS without STARTTLS";

/** Of submission [RFC 6409 §3.1], and of submission over TLS [RFC 8314 §7.3]. */
const PORTS = { "smtp:": 587, "smtps:": 465 } as const;

/** null for a text that is no such URL, see `SMTP_URL_FORMS`. */
export function parseSmtpUrl(text: string): SmtpTarget | null {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "smtp:" && url.protocol !== "smtps:")) return null;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (!/^[\w.:-]+$/.test(host) || !/^\/?$/.test(url.pathname) || /[?#]/.test(text)) return null;
  const port = url.port === "" ? PORTS[url.protocol] : Number(url.port);
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (port === 0 || user === null || password === null) return null;
  if ((user === "") !== (password === "")) return null;
  const credentials = user === "" ? undefined : { user, password };
  return { host, port, isTls: url.protocol === "smtps:", credentials };
}

/** null for what is not percent-encoded well. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
