import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { newCertificate } from "./certificates.ts";

/** An e-mail as it came. */
export interface ReceivedEmail {
  readonly from: string;
  readonly to: readonly string[];
  /** Headers and body. */
  readonly source: string;
}

/** Of all mail servers of a test run: it takes long to make. */
export const MAIL_CERTIFICATE = newCertificate("mail.example");

export const MAIL_USER = { user: "parley", password: "s3cret & more" } as const;

export interface MailServerOptions {
  /** TLS from the first byte on, in place of STARTTLS. */
  readonly isTls?: boolean;
  readonly hasStartTls?: boolean;
  /** What MAIL FROM is answered with; null: 250. */
  readonly onSender?: () => string | null;
  /** What RCPT TO is answered with; null: 250. */
  readonly onRecipient?: (address: string) => string | null;
  /** What the end of DATA is answered with; null: 250. */
  readonly onMessage?: () => string | null;
  /** The end of DATA is never answered. */
  readonly isMute?: boolean;
}

/**
 * A mail server on loopback that takes nothing without STARTTLS and a password, each of which a client
 * has to ask for itself.
 */
export class MailServer {
  readonly #server: SMTPServer;
  readonly received: ReceivedEmail[] = [];
  /** Sessions that were ever opened. */
  sessions = 0;
  /** Passwords that were shown before anything was encrypted. */
  exposed = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly #arrival = Promise.withResolvers<void>();
  readonly #closing = Promise.withResolvers<void>();

  private constructor(options: MailServerOptions) {
    const { isTls = false, hasStartTls = true, isMute = false } = options;
    const { onSender, onRecipient, onMessage } = options;
    this.#server = new SMTPServer({
      ...{ ...MAIL_CERTIFICATE, secure: isTls, logger: false, closeTimeout: 1 },
      ...{ authOptional: false, allowInsecureAuth: true, disableReverseLookup: true },
      disabledCommands: hasStartTls ? [] : ["STARTTLS"],
      onConnect: (_, done) => {
        this.sessions += 1;
        done();
      },
      onAuth: ({ username, password }, { secure }, done) => {
        if (!secure) this.exposed += 1;
        if (secure && username === MAIL_USER.user && password === MAIL_USER.password) {
          done(null, { user: username });
        } else {
          done(replied("535 5.7.8 Authentication credentials invalid for parley"));
        }
      },
      onMailFrom: (_address, _session, done) => {
        const reply = onSender?.() ?? null;
        done(reply === null ? null : replied(reply));
      },
      onRcptTo: ({ address }, _, done) => {
        const reply = onRecipient?.(address) ?? null;
        done(reply === null ? null : replied(reply));
      },
      onData: async (stream, { envelope }, done) => {
        const source = await text(stream);
        this.#arrival.resolve();
        if (isMute) return;
        const reply = onMessage?.() ?? null;
        if (reply !== null) return done(replied(reply));
        const { mailFrom, rcptTo } = envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        this.received.push({ from, to: rcptTo.map(({ address }) => address), source });
        done();
        for (const { count, resolve } of this.#waiting) {
          if (this.received.length >= count) resolve();
        }
      },
      onClose: () => this.#closing.resolve(),
    } satisfies SMTPServerOptions);
    // Clients that go away in the middle of something; what they do is what is tested.
    this.#server.on("error", () => undefined);
  }

  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options);
    const listening = Promise.withResolvers<void>();
    server.#server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    return server;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#server.connections.size;
  }

  /** So many e-mails have been received. */
  taken(count: number): Promise<void> {
    if (this.received.length >= count) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    return promise;
  }

  /** The first e-mail has come whole. */
  get arrival(): Promise<void> {
    return this.#arrival.promise;
  }

  /** The first session has ended. */
  get closing(): Promise<void> {
    return this.#closing.promise;
  }

  /** Closes all connections without a word. */
  hangUp(): void {
    for (const connection of this.#server.connections) connection.close();
  }

  /** Ends all sessions, as a server does that has been told to. */
  async stop(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(closed.resolve);
    await closed.promise;
  }
}

/** What makes the server answer so: a code, then a text that may have an enhanced status code. */
function replied(reply: string): Error {
  return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
}
