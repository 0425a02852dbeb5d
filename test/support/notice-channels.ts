import { systemClock } from "../../src/clock.ts";
import type { NoticeChannel } from "../../src/notify/provider.ts";
import { ApnsEndpoint } from "./apns-endpoint.ts";
import { FcmEndpoint, fcmError } from "./fcm-endpoint.ts";
import type { ParleyProcess } from "./parley-process.ts";
import { askInNameOf } from "./server-api.ts";
import { MAIL_CERTIFICATE, MAIL_USER, MailServer } from "./smtp-server.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { WebhookReceiver } from "./webhook-receiver.ts";

/** Where links in e-mails lead. */
export const PUBLIC_URL = "https://chat.example";

/** Of FCM, from when it is asked until the test lets it answer. */
export interface HeldAnswer {
  /** Resolves when a notice has come. */
  readonly asked: Promise<void>;
  /** The notice is refused, and may be sent again. */
  refuse(): void;
}

/** A mail server, FCM, APNs and an app's back end, and the settings of a server that tells all of them. */
export class NoticeChannels implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly google = new FcmEndpoint(systemClock);
  readonly hook = new WebhookReceiver();

  private constructor(
    readonly mail: MailServer,
    readonly apple: ApnsEndpoint,
  ) {}

  static async start(): Promise<NoticeChannels> {
    const [mail, apple] = await Promise.all([
      MailServer.start(),
      ApnsEndpoint.start(systemClock, "http"),
    ]);
    const channels = new NoticeChannels(mail, apple);
    await Bun.write(channels.#caFile, MAIL_CERTIFICATE.cert);
    return channels;
  }

  /** Environment variables. */
  get env(): Record<string, string> {
    const { google, apple, hook, mail } = this;
    const { keyFile, keyId, teamId, topic } = apple.keySettings(this.#folder.path);
    const who = `${MAIL_USER.user}:${encodeURIComponent(MAIL_USER.password)}`;
    return {
      ...{ PARLEY_OUTBOUND_ALLOW: "127.0.0.1", PARLEY_NOTIFY_RETRY_MS: "1" },
      ...{ PARLEY_EVENT_WEBHOOK_URL: hook.url, PARLEY_EVENT_WEBHOOK_SECRETS: hook.secret },
      PARLEY_FCM_SERVICE_ACCOUNT_FILE: google.keyFile(this.#folder.path),
      PARLEY_FCM_ENDPOINT: google.url,
      ...{ PARLEY_APNS_KEY_FILE: keyFile, PARLEY_APNS_KEY_ID: keyId },
      ...{ PARLEY_APNS_TEAM_ID: teamId, PARLEY_APNS_TOPIC: topic },
      PARLEY_APNS_ENDPOINT: apple.url,
      PARLEY_EMAIL_SMTP_URL: `smtp://${who}@127.0.0.1:${mail.port}`,
      PARLEY_EMAIL_CA_FILE: this.#caFile,
      PARLEY_EMAIL_FROM: "Parley <chat@example.com>",
      PARLEY_EMAIL_PUBLIC_URL: PUBLIC_URL,
      PARLEY_EMAIL_UNSUBSCRIBE_SECRET: "an unsubscribe secret of the tests",
    };
  }

  /** What FCM has taken for a phone. */
  phone(address: string) {
    return this.google.messages.filter(({ token }) => token === address);
  }

  /** What has been taken for an address. */
  mailbox(address: string) {
    return this.mail.received.filter(({ to }) => to.includes(address));
  }

  /** What the back end was told of a type, and satisfies the condition, the first first. */
  told(type: string, matches: (data: Readonly<Record<string, unknown>>) => boolean = () => true) {
    return this.hook.calls.filter(({ body }) => body.type === type && matches(body.data));
  }

  /** FCM takes its time with the next notice, and refuses it in the end. */
  holdPhones(): HeldAnswer {
    const asked = Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<Response>();
    this.google.answer = () => {
      this.google.answer = null;
      asked.resolve();
      return promise;
    };
    return { asked: asked.promise, refuse: () => resolve(fcmError(500, "INTERNAL")) };
  }

  get #caFile(): string {
    return this.#folder.file("ca.pem");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.mail.stop(), this.apple.stop(), this.google.stop()]);
    this.hook[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** The user is reached there; resolves with the target's id. */
export async function reach(
  server: ParleyProcess,
  userId: string,
  channel: NoticeChannel,
  address: string,
): Promise<string> {
  const target = { channel, address };
  const path = "/api/notifications/targets";
  const { status, body } = await askInNameOf(server, userId, "POST", path, target);
  if (status !== 201) throw new Error(`a target is refused: ${JSON.stringify(body)}`);
  return body.id;
}

/** The back end says it in the user's name; resolves with the message when it is on disk. */
export async function say(
  server: ParleyProcess,
  senderId: string,
  conversationId: string,
  message: { readonly content: string; readonly recipientId?: string },
): Promise<{ readonly id: string; readonly seq: number }> {
  const path = `/api/conversations/${conversationId}/messages`;
  const { status, body } = await askInNameOf(server, senderId, "POST", path, message);
  if (status !== 201) throw new Error(`a message is refused: ${JSON.stringify(body)}`);
  return body;
}
