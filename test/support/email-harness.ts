import { loadSettings } from "../../src/config.ts";
import { openEmail } from "../../src/notify/email/open-email.ts";
import type { NoticeProvider } from "../../src/notify/provider.ts";
import { FakeClock } from "./fake-clock.ts";
import { MAIL_CERTIFICATE, MAIL_USER, MailServer, type MailServerOptions } from "./smtp-server.ts";
import { TemporaryFolder } from "./temporary-folder.ts";

type Variables = Readonly<Record<string, string>>;

/** A send that nobody gives up on. */
export const NEVER = new AbortController().signal;

/** The settings under `email` of a server with these variables. */
export function emailSettings(env: Variables) {
  const { settings } = loadSettings({
    ...{ argv: [], cwd: "/srv", readFile: () => undefined },
    env: {
      PARLEY_EMAIL_FROM: "Parley <chat@example.com>",
      PARLEY_EMAIL_PUBLIC_URL: "https://chat.example/",
      PARLEY_EMAIL_UNSUBSCRIBE_SECRET: "s".repeat(32),
      ...env,
    },
  });
  return settings.email;
}

/** Mail servers, and what sends by them, until the end of a test. */
export class EmailHarness {
  readonly #folder = new TemporaryFolder();
  readonly #caFile = this.#folder.file("ca.pem");
  #stops: (() => Promise<unknown>)[] = [];

  /** Together with a mail server of its own; `env` has settings that differ. */
  async start(options: MailServerOptions = {}, env: Variables = {}) {
    const server = await MailServer.start(options);
    this.onStop(() => server.stop());
    const settings = await this.settingsFor(server, options.isTls);
    return { server, provider: await this.open({ ...settings, ...env }) };
  }

  async open(env: Variables): Promise<NoticeProvider> {
    const provider = await openEmail(emailSettings(env), new FakeClock());
    if (provider === null) throw new Error("There is no mail server in the settings");
    this.onStop(() => provider.stop());
    return provider;
  }

  /** What leads to a server on this machine that has the certificate of the tests. */
  async settingsFor(
    { port }: { readonly port: number },
    isTls = false,
    password: string = MAIL_USER.password,
  ) {
    await Bun.write(this.#caFile, MAIL_CERTIFICATE.cert);
    const who = `${MAIL_USER.user}:${encodeURIComponent(password)}`;
    return {
      PARLEY_EMAIL_SMTP_URL: `smtp${isTls ? "s" : ""}://${who}@127.0.0.1:${port}`,
      PARLEY_EMAIL_CA_FILE: this.#caFile,
    };
  }

  /** Before what was started earlier. */
  onStop(stop: () => Promise<unknown>): void {
    this.#stops.unshift(stop);
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop();
    this.#folder[Symbol.dispose]();
  }
}
