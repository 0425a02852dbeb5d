import { createTransport } from "nodemailer";
import type { Clock } from "../../clock.ts";
import { isEmailAddress } from "../../config/mailbox.ts";
import type { SmtpTarget } from "../../config/smtp-url.ts";
import type { Delivery, NoticeProvider, SendOutcome } from "../provider.ts";
import { type EmailLook, emailMessage } from "./email-message.ts";
import { smtpOutcome } from "./smtp-outcome.ts";

export interface EmailProviderOptions {
  readonly server: SmtpTarget;
  /** Nothing is sent over a connection that is not encrypted. */
  readonly requireTls: boolean;
  /** PEM certificates that vouch for the server; null: those that the system trusts. */
  readonly ca: string | null;
  readonly connections: number;
  readonly look: EmailLook;
  readonly clock: Pick<Clock, "now">;
}

/** The server has so long to say goodbye to a connection that is closed. */
const CLOSE_MS = 1_000;

/**
 * Tells users by e-mail, over connections that are kept for the next ones. An e-mail whose outcome
 * is unknown, since the connection broke before the server's last word, counts as not sent: the
 * repetition has the same `Message-ID`.
 */
export class EmailProvider implements NoticeProvider {
  readonly channel = "email";
  readonly server: string;
  readonly gathers = true;
  readonly concurrency: number;
  readonly #look: EmailLook;
  readonly #clock: Pick<Clock, "now">;
  readonly #transport: ReturnType<typeof poolOf>;

  constructor(options: EmailProviderOptions) {
    this.server = options.server.host;
    this.concurrency = options.connections;
    this.#look = options.look;
    this.#clock = options.clock;
    this.#transport = poolOf(options);
  }

  /** The signal bounds all of it: finding the server, its greeting and each of its answers. */
  async send(delivery: Delivery, signal: AbortSignal): Promise<SendOutcome> {
    if (!isEmailAddress(delivery.target.address)) {
      return { kind: "gone", reason: "The address is no e-mail address" };
    }
    const message = emailMessage(delivery, this.#look, this.#clock.now());
    try {
      await this.#transport.sendMail({ ...message, signal });
      return { kind: "sent" };
    } catch (fault) {
      return smtpOutcome(fault);
    }
  }

  async stop(): Promise<void> {
    this.#transport.close({ force: true });
  }
}

function poolOf({ server, requireTls, ca, connections }: EmailProviderOptions) {
  const { host, port, isTls, credentials } = server;
  return createTransport({
    ...{ pool: true, host, port, secure: isTls, requireTLS: requireTls },
    ...(credentials !== undefined && {
      auth: { user: credentials.user, pass: credentials.password },
      forceAuth: true, // Who has a password for the server means to be asked for it.
    }),
    tls: { rejectUnauthorized: true, minVersion: "TLSv1.2", ...(ca !== null && { ca }) },
    maxConnections: connections,
    // One of a connection that the server has closed meanwhile; all others are the caller's.
    maxRequeues: 1,
    socketCloseTimeout: CLOSE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
}
