import { html } from "hono/html";
import type { ConversationContent } from "./email-content.ts";
import type { EmailParts } from "./email-parts.ts";

/**
 * Styles stand at their elements, since mail programs drop style sheets; colours are few, and fit on
 * white and on black, since some programs turn them around and some do not.
 */
const STYLE = {
  body: "margin:0;padding:24px 16px;font:16px/1.5 -apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif",
  column: "max-width:560px;margin:0 auto",
  heading: "margin:0 0 20px;font-size:20px;line-height:1.3",
  conversation: "margin:0 0 16px;padding:2px 0 2px 14px;border-left:3px solid #b5602f",
  title: "margin:0;font-weight:600",
  newest: "margin:4px 0",
  count: "color:#7d7671;font-weight:400;font-size:14px",
  time: "margin:0;color:#7d7671;font-size:14px",
  link: "color:#b5602f",
  button:
    "display:inline-block;margin:8px 0 24px;padding:10px 18px;border-radius:8px;background:#b5602f;color:#ffffff;text-decoration:none",
  footer: "margin:0;padding-top:14px;border-top:1px solid #b8b0aa;color:#7d7671;font-size:13px",
} as const;

/** An e-mail as HTML, with nothing in it that has to be fetched. The template escapes all texts. */
export function htmlForm({
  content,
  appName,
  pageUrl,
  linkTo,
  unsubscribeUrl,
}: EmailParts): string {
  const { subject, conversations, others } = content;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${subject}</title>
</head>
<body style="${STYLE.body}">
<div style="${STYLE.column}">
<h1 style="${STYLE.heading}"><bdi>${subject}</bdi></h1>
${conversations.map((conversation) => sectionOf(conversation, linkTo))}
${others === null || conversations.length === 0 ? "" : html`<p style="${STYLE.newest}">${others}</p>`}
<a href="${pageUrl}" style="${STYLE.button}">Open ${appName}</a>
<p style="${STYLE.footer}">${appName} sends you this because messages came while you were away. <a href="${unsubscribeUrl}" style="${STYLE.link}">Stop these e-mails</a></p>
</div>
</body>
</html>
`);
}

function sectionOf(
  { title, count, newest, time, conversationId }: ConversationContent,
  linkTo: EmailParts["linkTo"],
) {
  return html`<div style="${STYLE.conversation}">
<p style="${STYLE.title}"><a href="${linkTo(conversationId)}" style="${STYLE.link}"><bdi>${title}</bdi></a> <span style="${STYLE.count}">${count}</span></p>
<p style="${STYLE.newest}"><bdi>${newest}</bdi></p>
<p style="${STYLE.time}">${time}</p>
</div>`;
}
