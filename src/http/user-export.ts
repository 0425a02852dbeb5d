import type { Context } from "hono";
import { type Attachment, type AttachmentStore, attachmentView } from "../chat/attachments.ts";
import type { Blocks } from "../chat/blocks.ts";
import { messageView, preferencesView } from "../chat/events.ts";
import type { InviteStore } from "../chat/invites.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { StoredMessage } from "../chat/stored-chats.ts";
import type {
  ErasureStore,
  StoredMembership,
  StoredReaction,
  UserDataStore,
  UserStore,
} from "../chat/user-ports.ts";
import { isoTime } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MaybePromise } from "../maybe-promise.ts";
import type { NoticeTargetStore } from "../notify/ports.ts";
import type { ApiEnvironment } from "./api.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { inviteView, noticeTargetView } from "./views.ts";

/** Of one user there is one at a time, and of all so many. */
const MOST_EXPORTS = 100;
const RETRY_MS = 5_000;
/** Rows that are read at a time, between which others have their turn. */
const PAGE_ROWS = 200;

export interface UserExportsOptions {
  readonly users: UserStore & UserDataStore;
  readonly chats: Pick<ChatStore, "versions">;
  readonly erasures: Pick<ErasureStore, "erasure">;
  readonly invites: Pick<InviteStore, "madeBy">;
  readonly attachments: Pick<AttachmentStore, "unsentOf">;
  readonly blocks: Pick<Blocks, "of">;
  readonly notices: Pick<NoticeTargetStore, "preferencesOf" | "targetsOf">;
  readonly answers: LargeAnswers;
  readonly log: Log;
}

type Line = { readonly kind: string } & Readonly<Record<string, unknown>>;

/** Everything that is kept of a user, as JSON documents, one a line. */
export class UserExports {
  readonly #options: UserExportsOptions;
  /** Users whose export is under way. */
  readonly #underWay = new Set<string>();
  #turn: Promise<void> = Promise.resolve();

  constructor(options: UserExportsOptions) {
    this.#options = options;
  }

  /**
   * Pages are read as the client takes them, so that an export of any size takes the memory of one of
   * them. Where the store fails meanwhile the answer ends without its last line. Throws RATE_LIMITED.
   */
  answer(context: Context<ApiEnvironment>, userId: string): Response {
    if (this.#underWay.has(userId) || this.#underWay.size >= MOST_EXPORTS) {
      const text = "An export of the user is under way, or too many of others";
      throw new AppError("RATE_LIMITED", text, { details: { retryAfterMs: RETRY_MS } });
    }
    this.#underWay.add(userId);
    return this.#options.answers.stream(
      context,
      "application/x-ndjson",
      () => this.#pages(userId),
      () => this.#underWay.delete(userId),
    );
  }

  async *#pages(userId: string): AsyncGenerator<string> {
    let lines = 0;
    try {
      for await (const page of this.#parts(userId)) {
        lines += page.length;
        if (page.length > 0) yield page.map((line) => `${JSON.stringify(line)}\n`).join("");
        await this.#nextTurn();
      }
      yield `${JSON.stringify({ kind: "end", lines })}\n`;
    } catch (err) {
      this.#options.log.warn({ err, user: userId }, "An export was not finished");
    }
  }

  /** However many exports there are, one page is read in a turn. */
  #nextTurn(): Promise<void> {
    this.#turn = this.#turn.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turn;
  }

  async *#parts(userId: string): AsyncGenerator<Line[]> {
    const { users, attachments, blocks, invites, notices } = this.#options;
    for (const { userId: id, lastSeenMs, ...user } of await users.known([userId])) {
      const lastSeen = lastSeenMs === null ? null : isoTime(lastSeenMs);
      yield [{ kind: "user", userId: id, ...user, lastSeen }];
    }
    yield blocks.of(userId).map((blockedId) => ({ kind: "block", userId: blockedId }));
    const preferences = await notices.preferencesOf(userId);
    if (preferences !== null) yield [{ kind: "notificationPreferences", ...preferences }];
    const targets = await notices.targetsOf(userId);
    yield targets.map((target) => ({ kind: "notificationTarget", ...noticeTargetView(target) }));
    yield* paged(
      (after) => users.membershipsOf(userId, after, PAGE_ROWS),
      ({ conversationId }) => conversationId,
      membershipLine,
    );
    yield* this.#messages(userId);
    yield* paged(
      (after) => attachments.unsentOf(userId, after, PAGE_ROWS),
      ({ id }) => id,
      attachmentLine,
    );
    yield* paged(
      (after) => users.reactionsOf(userId, after, PAGE_ROWS),
      ({ messageId }) => messageId,
      reactionLine,
    );
    yield* paged(
      (after) => invites.madeBy(userId, after, PAGE_ROWS),
      ({ code }) => code,
      (invite) => ({ kind: "invite", ...inviteView(invite) }),
    );
  }

  async *#messages(userId: string): AsyncGenerator<Line[]> {
    // What stayed of somebody who had the id before is not this user's.
    const erasure = await this.#options.erasures.erasure(userId);
    const beforeMs = erasure?.doneMs ?? -1;
    let from: string | null = null;
    do {
      const { messages, next }: Awaited<ReturnType<UserDataStore["messagesOf"]>> =
        await this.#options.users.messagesOf(userId, from, PAGE_ROWS);
      const lines: Line[] = [];
      for (const message of messages) {
        if (message.timestampMs > beforeMs) lines.push(await this.#messageLine(message));
      }
      yield lines;
      from = next;
    } while (from !== null);
  }

  async #messageLine(message: StoredMessage): Promise<Line> {
    const { status: _, ...view } = messageView(message, "SENT");
    if (message.editedMs === null || message.deletedMs !== null)
      return { kind: "message", ...view };
    const kept = await this.#options.chats.versions(message.id);
    const versions = kept.map(({ content, replacedMs }) => ({
      ...{ content, replacedAt: isoTime(replacedMs) },
    }));
    return { kind: "message", ...view, versions };
  }
}

async function* paged<Row>(
  read: (after: string | null) => MaybePromise<Row[]>,
  nameOf: (row: Row) => string,
  lineOf: (row: Row) => Line,
): AsyncGenerator<Line[]> {
  let rows = await read(null);
  while (rows.length > 0) {
    yield rows.map(lineOf);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    rows = await read(nameOf(last));
  }
}

function membershipLine(membership: StoredMembership): Line {
  const { conversationId, kind, title, role, joinedSeq, deliveredSeq, readSeq } = membership;
  return {
    ...{ kind: "membership", conversationId, conversationKind: kind, title, role },
    ...{ joinedSeq, deliveredSeq, readSeq, ...preferencesView(membership) },
  };
}

function reactionLine({ reactedMs, ...reaction }: StoredReaction): Line {
  return { kind: "reaction", ...reaction, reactedAt: isoTime(reactedMs) };
}

function attachmentLine(attachment: Attachment): Line {
  const { createdMs, removeMs } = attachment;
  return {
    ...{ kind: "attachment", ...attachmentView(attachment), uploadedAt: isoTime(createdMs) },
    removedAt: removeMs === null ? undefined : isoTime(removeMs),
  };
}
