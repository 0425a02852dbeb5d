import { Fields, readId, readList } from "./fields.ts";
import { plainText } from "./plain-text.ts";
import { ROLES, type Role } from "./wire.ts";

/** What the HTTP API says of groups and of single messages. Each reader throws MalformedBody. */

export interface Member {
  readonly userId: string;
  readonly role: Role;
}

/** A link into a group: whoever has the code may join. */
export interface Invite {
  readonly code: string;
  /** null: it holds until it is revoked. */
  readonly expiresMs: number | null;
}

/** What a link leads to. */
export interface InvitePreview {
  readonly conversationId: string;
  readonly title: string | null;
  readonly memberCount: number;
}

/** What a message said before an edit. */
export interface Version {
  readonly content: string;
  readonly replacedMs: number;
}

export function readMembers(value: unknown): Member[] {
  return readList(value, "members", (item) => {
    const body = new Fields(item);
    return { userId: body.text("userId"), role: body.oneOf("role", ROLES) };
  });
}

export function readInvite(value: unknown): Invite {
  const body = new Fields(value);
  return {
    code: body.text("code"),
    expiresMs: body.optionalTime("expiresAt"),
  };
}

export function readInvitePreview(value: unknown): InvitePreview {
  const body = new Fields(value);
  const title = body.optionalText("title");
  return {
    conversationId: body.text("conversationId"),
    title: title === null ? null : plainText(title),
    memberCount: body.number("memberCount"),
  };
}

export function readVersions(value: unknown): Version[] {
  return readList(value, "versions", (item) => {
    const body = new Fields(item);
    return { content: plainText(body.text("content")), replacedMs: body.time("replacedAt") };
  });
}

/** Where in its conversation a message stands. */
export function readPlace(value: unknown): { conversationId: string; seq: number } {
  const body = new Fields(value);
  return { conversationId: body.text("conversationId"), seq: body.number("seq") };
}

/** The id of what was made. */
export function readMade(value: unknown): string {
  return readId(new Fields(value).field("id"));
}
