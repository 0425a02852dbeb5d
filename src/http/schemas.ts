import { z } from "zod";
import { memberRole } from "../app/conversation-schemas.ts";
import { ERRORS } from "../errors.ts";
import { FAILING_SERVER } from "./notification-schemas.ts";

/** What the API answers, as `views.ts` makes it. Times are ISO 8601 in UTC, with milliseconds. */

const time = z.iso.datetime();
const status = z.enum(["SENT", "DELIVERED", "READ"]).meta({ id: "DeliveryStatus" });
const kind = z.enum(["direct", "group"]).meta({ id: "ConversationKind" });
const backplane = z
  .enum(["LOCAL", "CONNECTED", "DISCONNECTED"])
  .meta({ id: "BackplaneHealth" })
  .describe("Whether this node reaches the others; `LOCAL`: there are none.");

export const PROBLEM = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(ERRORS)).meta({ id: "ErrorCode" }),
    retryable: z.boolean().describe("The same request may succeed later without being changed."),
  })
  .meta({ id: "Problem", description: "An error, as RFC 9457 has it." });

const REACTION = z
  .object({ emoji: z.string(), userIds: z.array(z.string()) })
  .meta({ id: "Reaction", description: "An emoji, and who reacts with it." });
const attachment = {
  id: z.string(),
  name: z.string(),
  type: z.string().describe("As its content says."),
  size: z.int().describe("Bytes."),
  width: z.int().optional().describe("Of a picture, as it is looked at."),
  height: z.int().optional(),
  hasThumbnail: z.boolean(),
};

export const ATTACHMENT = z
  .object(attachment)
  .meta({ id: "Attachment", description: "A file of a message, or for one." });

const link = z.string().describe("A path of this server; whoever has it may have the file.");

export const ATTACHMENT_LINKS = z
  .object({
    ...attachment,
    url: link,
    thumbnailUrl: link.optional().describe("A small picture of it, in WebP."),
    expiresAt: time,
  })
  .meta({ id: "AttachmentLinks" });

const MESSAGE = z
  .object({
    id: z.string(),
    clientMessageId: z.string().optional(),
    conversationId: z.string(),
    seq: z.int().describe("Counts 1, 2, 3 … in its conversation."),
    senderId: z.string().describe("`/system` for what nobody's client did."),
    senderName: z.string(),
    recipientId: z.string().optional().describe("In direct conversations."),
    content: z.string(),
    attachments: z.array(ATTACHMENT).optional(),
    type: z.string(),
    replyTo: z.string().optional(),
    event: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("What happened, where the message tells of an event: `type` says which."),
    status: status.describe(
      "Of one's own message how far the others have come, of another's how far one has come oneself.",
    ),
    timestamp: time,
    editedAt: time.optional(),
    deletedAt: time.optional().describe("It has no content any more."),
    pinnedAt: time.optional(),
    replyCount: z.int().optional().describe("Messages that answer it; 0 is left out."),
    reactions: z.array(REACTION).optional().describe("Of each user the last, up to 200."),
    mentions: z.array(z.string()).optional().describe("Ids of members whom it names."),
    expiresAt: time.optional().describe("When it will have no content any more."),
  })
  .meta({ id: "Message" });

export const MESSAGES = z.object({ messages: z.array(MESSAGE) }).meta({ id: "Messages" });

const EXCERPT = z
  .object({
    text: z.string().describe("The message's content, or a part of it."),
    highlights: z
      .array(z.tuple([z.int(), z.int()]))
      .describe("Of the words found in it: from, up to, in UTF-16 code units."),
  })
  .meta({ id: "Excerpt" });

const SEARCH_RESULT = z.object({ message: MESSAGE, excerpt: EXCERPT }).meta({ id: "SearchResult" });

export const SEARCH_RESULTS = z
  .object({
    results: z.array(SEARCH_RESULT),
    next: z.string().nullable().describe("The `cursor` of the next page; null: there is none."),
  })
  .meta({ id: "SearchResults" });

const VERSION = z.object({ content: z.string(), replacedAt: time }).meta({ id: "Version" });

export const VERSIONS = z.object({ versions: z.array(VERSION) }).meta({ id: "Versions" });

const profile = {
  title: z.string().nullable(),
  picture: z.string().nullable().describe("A URL."),
  disappearAfterSeconds: z.int().nullable().describe("How long its messages say something."),
};

const preferences = {
  mutedUntil: time.nullable(),
  archivedAt: time.nullable(),
  pinnedAt: time.nullable(),
};

export const CONVERSATION = z
  .object({
    id: z.string(),
    kind,
    ...profile,
    createdAt: time,
    activeAt: time.describe("When something last happened in it."),
    memberCount: z.int(),
    memberIds: z.array(z.string()).describe("Some of the members: of small ones, all."),
    lastSeq: z.int(),
    role: memberRole,
    deliveredSeq: z.int(),
    readSeq: z.int(),
    unread: z.int().describe("Messages above `readSeq` and after one's own last one."),
    unreadMentions: z.int().describe("Those of them that mention the caller."),
    ...preferences,
    lastMessage: MESSAGE.nullable(),
  })
  .meta({ id: "Conversation", description: "A conversation as one of its members has it." });

export const CONVERSATIONS = z
  .object({
    conversations: z.array(CONVERSATION),
    next: z.string().nullable().describe("The `cursor` of the next page; null: there is none."),
  })
  .meta({ id: "Conversations" });

const MEMBER = z
  .object({
    userId: z.string(),
    role: memberRole,
    deliveredSeq: z.int().describe("Up to there messages have reached them."),
    readSeq: z.int().describe("Up to there they have read."),
  })
  .meta({ id: "Member" });

export const MEMBERS = z.object({ members: z.array(MEMBER) }).meta({ id: "Members" });

export const CREATED_CONVERSATION = z
  .object({ id: z.string(), kind, memberIds: z.array(z.string()) })
  .meta({ id: "CreatedConversation" });

export const PROFILE = z.object(profile).meta({ id: "Profile" });

export const INVITE = z
  .object({
    code: z.string(),
    conversationId: z.string(),
    creatorId: z.string(),
    createdAt: time,
    expiresAt: time.nullable(),
  })
  .meta({ id: "Invite", description: "A link into a group: whoever has the code may join." });

export const INVITES = z.object({ invites: z.array(INVITE) }).meta({ id: "Invites" });

export const INVITE_PREVIEW = z
  .object({ conversationId: z.string(), ...profile, memberCount: z.int() })
  .meta({ id: "InvitePreview" });

export const SENT_MESSAGE = z
  .object({
    id: z.string(),
    conversationId: z.string(),
    seq: z.int(),
    clientMessageId: z.string().optional(),
    recipientId: z.string().optional(),
  })
  .meta({ id: "SentMessage" });

/** Of servers that fail, so many are named. */
export const MOST_FAILING = 100;

export const STATS = z
  .object({
    version: z.string(),
    uptimeSeconds: z.int(),
    connections: z.int().describe("To all nodes; to others as they said last."),
    onlineUsers: z.int().describe("On all nodes."),
    uncommittedMessages: z.int().describe("Messages on their way to disk."),
    memoryBytes: z.int().describe("What the process takes of the machine's memory."),
    failingServers: z
      .array(FAILING_SERVER)
      .describe(
        `Those to which notices or webhooks go and that are left alone but for single tries, since they fail; the longest first, up to ${MOST_FAILING}. Of several nodes, or processes, the one that sends knows them.`,
      ),
  })
  .meta({ id: "Stats" });

export const NODES = z
  .object({
    backplane,
    nodes: z.array(
      z
        .object({
          id: z.string(),
          version: z.string(),
          startedAt: time,
          connections: z.int(),
          onlineUsers: z.int().describe("With a connection to it, or within the grace after it."),
          isSelf: z.boolean().describe("It is the one that answers."),
          isConnected: z
            .boolean()
            .describe("It reaches the others; of another: this one hears its beats."),
          isLeader: z
            .boolean()
            .describe("It does what one of those on a database does alone; it has one for itself."),
          heardAt: time.describe("When it was heard last."),
          differs: z
            .array(z.string())
            .describe(
              "Settings that all nodes must have alike, and of which it has other values than the one that answers.",
            ),
        })
        .meta({ id: "Node" }),
    ),
  })
  .meta({ id: "Nodes" });

const MEMBER_STATUS = z.object({ userId: z.string(), status }).meta({ id: "MemberStatus" });

export const MESSAGE_STATUS = z
  .object({
    messageId: z.string(),
    conversationId: z.string(),
    seq: z.int(),
    senderId: z.string(),
    status: status.describe("What holds for all members but the sender."),
    members: z.array(MEMBER_STATUS),
  })
  .meta({ id: "MessageStatus" });

const PRESENCE = z
  .object({
    userId: z.string(),
    name: z.string(),
    status: z.enum(["ONLINE", "AWAY", "OFFLINE"]).meta({ id: "PresenceStatus" }),
    lastSeen: time,
  })
  .meta({ id: "Presence" });

export const PRESENCES = z.object({ users: z.array(PRESENCE) }).meta({ id: "Presences" });

export const USER = z
  .object({
    userId: z.string(),
    name: z
      .string()
      .describe("Of the profile; without one, as last authenticated, or else the id."),
    picture: z.string().nullable().describe("A URL."),
    lastSeen: time
      .nullable()
      .optional()
      .describe("To oneself and the back end; null: they were never there."),
  })
  .meta({ id: "User" });

export const USERS = z
  .object({
    users: z.array(USER),
    next: z.string().nullable().describe("The `cursor` of the next page; null: there is none."),
  })
  .meta({ id: "Users" });

export const ERASURE = z
  .object({
    userId: z.string(),
    status: z.enum(["PENDING", "DONE"]),
    messages: z.enum(["erase", "keep"]),
    erasedMessages: z.int().describe("So far; with `keep`, those that lost the name."),
    requestedAt: time,
    doneAt: time.nullable(),
  })
  .meta({ id: "Erasure", description: "The removal of a user." });

export const REACHED = z
  .object({ users: z.int().describe("How many of them listened, on the node that was asked.") })
  .meta({ id: "Reached" });

export const EVENTS = z
  .object({
    events: z.array(
      z.object({
        event: z.enum([
          "message",
          "confirmation",
          "receipt",
          "error",
          "profile",
          "notice",
          "presence",
          "typing",
          "ready",
        ]),
        data: z
          .record(z.string(), z.unknown())
          .describe(
            "As it is told over STOMP; of a notice, whose body may be anything, `contentType` and `body`.",
          ),
      }),
    ),
    cursor: z
      .string()
      .describe("For the next request, which says by it that these events have come."),
  })
  .meta({ id: "Events" });

export const USER_IDS = z.object({ userIds: z.array(z.string()) }).meta({ id: "UserIds" });

export const ENDED = z
  .object({ connections: z.int().describe("How many were ended, on the node that was asked.") })
  .meta({ id: "Ended" });

export const HEALTH = z
  .object({
    status: z
      .enum(["UP", "DEGRADED", "DOWN"])
      .meta({ id: "HealthStatus" })
      .describe(
        "`DEGRADED`: messages are not confirmed, or late, or do not reach other nodes. `DOWN`: the server is stopping.",
      ),
    activeConnections: z.int(),
    onlineUsers: z.int().describe("On all nodes."),
    backplane,
    timestamp: time,
  })
  .meta({ id: "Health" });
