import { FIRST_POSITION } from "../chat/message-feed.ts";

/** Where a client of `/api/events` stands. */
export interface EventCursor {
  /** It has all of its user's messages up to this id; null: nobody has said so yet. */
  readonly position: string | null;
  /** The mailbox that it polls, and the last answer that it has; null for a stream. */
  readonly mailbox: { readonly id: string; readonly number: number } | null;
}

const FORM = new RegExp(
  `^(-|[0-9a-f-]{${FIRST_POSITION.length}})(?:\\.([\\w-]{22})\\.(\\d{1,9}))?$`,
);
const NO_POSITION = "-";

export const EVENTS_PATH = "/api/events";

/** The mailbox that a request polls; null: none. */
export function mailboxOf(request: Request, pathname: string): string | null {
  if (pathname !== EVENTS_PATH) return null;
  const last = request.headers.get("last-event-id");
  const text = last ?? URL.parse(request.url)?.searchParams.get("cursor") ?? null;
  return text === null ? null : (parseEventCursor(text)?.mailbox?.id ?? null);
}

/** As text of no meaning to clients. */
export function cursorText({ position, mailbox }: EventCursor): string {
  const text = position ?? NO_POSITION;
  return mailbox === null ? text : `${text}.${mailbox.id}.${mailbox.number}`;
}

/** null for a text that is none. */
export function parseEventCursor(text: string): EventCursor | null {
  const [, position, id, number] = FORM.exec(text) ?? [];
  if (position === undefined) return null;
  const mailbox = id === undefined ? null : { id, number: Number(number) };
  return { position: position === NO_POSITION ? null : position, mailbox };
}
