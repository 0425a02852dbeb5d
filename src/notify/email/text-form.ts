import type { ConversationContent } from "./email-content.ts";
import type { EmailParts } from "./email-parts.ts";

/** An e-mail for readers without HTML. */
export function textForm({
  content,
  appName,
  pageUrl,
  linkTo,
  unsubscribeUrl,
}: EmailParts): string {
  const blocks = [
    content.subject,
    ...content.conversations.map((conversation) => blockOf(conversation, linkTo)),
    ...(content.others === null || content.conversations.length === 0 ? [] : [content.others]),
    `Open ${appName}: ${pageUrl}`,
    // What stands below this line is left out of answers [RFC 3676 §4.3].
    `-- \n${appName} sends you this because messages came while you were away.\nStop these e-mails: ${unsubscribeUrl}`,
  ];
  return `${blocks.join("\n\n")}\n`;
}

function blockOf(
  { title, count, newest, time, conversationId }: ConversationContent,
  linkTo: EmailParts["linkTo"],
): string {
  return `${title}: ${count}\n  ${newest}\n  ${time}\n  ${linkTo(conversationId)}`;
}
