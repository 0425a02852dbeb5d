import type { EmailContent } from "./email-content.ts";

/** What an e-mail is made of in each of its forms. */
export interface EmailParts {
  readonly content: EmailContent;
  readonly appName: string;
  /** Of the page where users chat. */
  readonly pageUrl: string;
  /** The page's address that opens a conversation. */
  readonly linkTo: (conversationId: string) => string;
  readonly unsubscribeUrl: string;
}
