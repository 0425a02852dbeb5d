import type { Actor } from "./actor.ts";
import type { ConversationProfile, Role } from "./stored-chats.ts";

export type Appearance = Pick<ConversationProfile, "title" | "picture">;

/** What happens to a conversation, and is told to its members as a message of it. */
export type Happening =
  | {
      readonly type: "CONVERSATION_CREATED";
      readonly event: Appearance & { readonly memberCount: number };
    }
  | { readonly type: "CONVERSATION_CHANGED"; readonly event: Appearance }
  | {
      readonly type: "DISAPPEARING_CHANGED";
      readonly event: Pick<ConversationProfile, "disappearAfterSeconds">;
    }
  | {
      /** By somebody else; by themselves, over a link; and the same of going. */
      readonly type: "MEMBER_ADDED" | "MEMBER_JOINED" | "MEMBER_REMOVED" | "MEMBER_LEFT";
      readonly event: { readonly userId: string };
    }
  | {
      /** A user is no more; what they said is gone, or without their name. */
      readonly type: "USER_ERASED";
      readonly event: { readonly userId: string; readonly messages: "erased" | "kept" };
    }
  | {
      readonly type: "ROLE_CHANGED";
      readonly event: { readonly userId: string; readonly role: Role };
    }
  | {
      /** What it says now goes with the event whenever it is shown, and not into it. */
      readonly type: "MESSAGE_EDITED" | "MESSAGE_DELETED" | "MESSAGE_PINNED" | "MESSAGE_UNPINNED";
      readonly event: MessageReference;
    }
  | {
      readonly type: "MESSAGE_REACTION";
      /** null: taken back. */
      readonly event: MessageReference & { readonly emoji: string | null };
    };

export interface MessageReference {
  readonly messageId: string;
  readonly seq: number;
}

/** Types that messages of users may not have: they would pass for what the server tells. */
export const EVENT_TYPES: ReadonlySet<string> = new Set<Happening["type"]>([
  "CONVERSATION_CREATED",
  "CONVERSATION_CHANGED",
  "DISAPPEARING_CHANGED",
  "MEMBER_ADDED",
  "MEMBER_JOINED",
  "MEMBER_REMOVED",
  "MEMBER_LEFT",
  "USER_ERASED",
  "ROLE_CHANGED",
  "MESSAGE_EDITED",
  "MESSAGE_DELETED",
  "MESSAGE_PINNED",
  "MESSAGE_UNPINNED",
  "MESSAGE_REACTION",
]);

/**
 * Those behind which may come what others have done before they knew: who is a member, what the
 * conversation is, and which messages there are to be changed stays.
 */
export const PASSED_EVENT_TYPES: readonly Happening["type"][] = [
  "MESSAGE_EDITED",
  "MESSAGE_PINNED",
  "MESSAGE_UNPINNED",
  "MESSAGE_REACTION",
];

/** For clients that show the content of whatever comes. */
export function sentenceOf({ name }: Actor, { type, event }: Happening): string {
  switch (type) {
    case "CONVERSATION_CREATED":
      return event.title === null ? `${name} created the group` : `${name} created ${event.title}`;
    case "CONVERSATION_CHANGED":
      return event.title === null ? `${name} changed the group` : `${name} named it ${event.title}`;
    case "DISAPPEARING_CHANGED":
      return event.disappearAfterSeconds === null
        ? `${name} made messages stay`
        : `${name} made messages disappear after ${event.disappearAfterSeconds} seconds`;
    case "MEMBER_ADDED":
      return `${name} added ${event.userId}`;
    case "MEMBER_JOINED":
      return `${name} joined`;
    case "MEMBER_REMOVED":
      return `${name} removed ${event.userId}`;
    case "MEMBER_LEFT":
      return `${name} left`;
    case "USER_ERASED":
      return "A user was deleted";
    case "ROLE_CHANGED":
      return `${name} made ${event.userId} ${event.role === "member" ? "a member" : `an ${event.role}`}`;
    case "MESSAGE_EDITED":
      return `${name} edited a message`;
    case "MESSAGE_DELETED":
      return `${name} deleted a message`;
    case "MESSAGE_PINNED":
      return `${name} pinned a message`;
    case "MESSAGE_UNPINNED":
      return `${name} unpinned a message`;
    case "MESSAGE_REACTION":
      return event.emoji === null
        ? `${name} took a reaction back`
        : `${name} reacted with ${event.emoji}`;
  }
}
