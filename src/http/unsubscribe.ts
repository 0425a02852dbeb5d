import type { Context, Hono } from "hono";
import { html, raw } from "hono/html";
import type { AddressRate } from "../auth/address-rate.ts";
import {
  readUnsubscribeToken,
  type Subscription,
  UNSUBSCRIBE_PATH,
} from "../notify/email/unsubscribe-token.ts";
import type { Notifications } from "../notify/notifications.ts";
import type { ApiEnvironment } from "./api.ts";

export interface UnsubscribeOptions {
  readonly users: Pick<Notifications, "targetsOf" | "preferencesOf" | "changePreferences">;
  /** What links are signed with. */
  readonly secret: string;
  /** As e-mails call the place where users chat. */
  readonly appName: string;
  /** What anybody may ask. */
  readonly requests: AddressRate;
}

/**
 * Where links in e-mails lead that end them. Whoever has the link may use it, from whatever page or
 * program, without signing in: these routes stand before all that asks who somebody is, or where a
 * request comes from. They take and set no cookies.
 */
export function unsubscribeRoutes(
  api: Hono<ApiEnvironment>,
  { users, secret, appName, requests }: UnsubscribeOptions,
): void {
  const subscriptionOf = ({ req, env }: Context<ApiEnvironment>) => {
    requests.spend(env.remote);
    return readUnsubscribeToken(req.query("token") ?? "", secret);
  };

  // It changes nothing: programs that look for viruses, or want to be fast, open links as well.
  api.get(UNSUBSCRIBE_PATH, (context) => {
    const subscription = subscriptionOf(context);
    if (subscription === null) return context.html(invalidPage(), 400, HEADERS);
    return context.html(askingPage(appName, context.req.query("token") ?? ""), 200, HEADERS);
  });

  // By the page's button, or by the user's mail program [RFC 8058 §3.2]. The token says all; what is
  // in the body is the same each time.
  api.post(UNSUBSCRIBE_PATH, async (context) => {
    const subscription = subscriptionOf(context);
    if (subscription === null) return context.html(invalidPage(), 400, HEADERS);
    await switchOff(subscription, users);
    return context.html(donePage(appName), 200, HEADERS);
  });
}

async function switchOff(
  { userId }: Subscription,
  users: UnsubscribeOptions["users"],
): Promise<void> {
  const found = await users.targetsOf(userId);
  // Of a user who has been erased meanwhile, nothing is to be kept again.
  if (!found.some(({ channel }) => channel === "email")) return;
  const { email } = await users.preferencesOf(userId);
  if (email) await users.changePreferences(userId, { email: false });
}

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 32rem; padding: 3rem 1.25rem; font: 16px/1.5 system-ui, sans-serif; color: light-dark(#221c18, #ece5df); background: light-dark(#fffdfb, #171412); }
h1 { font-size: 1.5rem; line-height: 1.3; }
button { padding: .65rem 1.1rem; font: inherit; color: #fff; background: #8a3b12; border: 0; border-radius: .5rem; cursor: pointer; }
`;

const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

const HEADERS: Record<string, string> = {
  "cache-control": "no-store",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  "x-frame-options": "DENY",
  "x-robots-tag": "noindex",
};

function askingPage(appName: string, token: string) {
  return page(
    "Stop these e-mails?",
    html`<p>${appName} will tell you of new messages by e-mail no longer. Nothing else changes.</p>
<form method="post" action="?token=${encodeURIComponent(token)}">
<input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Stop e-mails</button>
</form>`,
  );
}

function donePage(appName: string) {
  return page(
    "You get no more e-mails",
    html`<p>${appName} tells you of new messages by e-mail no longer. You can close this page.</p>`,
  );
}

function invalidPage() {
  return page(
    "This link is not valid",
    html`<p>Nothing has changed. Links are long, and some programs cut them: use the one in the newest e-mail, whole.</p>`,
  );
}

function page(title: string, content: ReturnType<typeof html>) {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<h1>${title}</h1>
${content}
</body>
</html>`;
}
