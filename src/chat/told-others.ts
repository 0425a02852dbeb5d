import type { Conversation, Conversations } from "./conversations.ts";
import { nextTurn } from "./each-head.ts";
import { farewellOf } from "./events.ts";
import { encodeHead, encodeMessage, type HeadNotice } from "./node-notice.ts";
import type { OtherNodes } from "./other-nodes.ts";
import type { StoredMessage } from "./ports.ts";

/** Of a conversation with more members, a message is told to all nodes once and not to each member. */
const MOST_BY_MEMBER = 32;
/** Conversations of which others are told, before it is somebody else's turn. */
const TOLD_IN_TURN = 256;

export interface ToldOthersOptions {
  readonly nodes: OtherNodes;
  readonly conversations: Conversations;
}

/** What this node tells others of the messages that it has committed, and may have to tell again. */
export class ToldOthers {
  readonly #options: ToldOthersOptions;
  /** By conversation, the first message of which others have been told lately, and a while before. */
  #lately = new Map<string, number>();
  #before: ReadonlyMap<string, number> = new Map();
  #isStopped = false;

  constructor(options: ToldOthersOptions) {
    this.#options = options;
  }

  tell(conversation: Conversation, message: StoredMessage): void {
    const notice = encodeMessage(message, conversation.membersDigest);
    if (!this.#lately.has(conversation.id)) this.#lately.set(conversation.id, message.seq);
    this.#tellMembers(conversation, notice);
    const goneId = farewellOf(message);
    if (goneId !== null && !conversation.members.has(goneId)) {
      this.#options.nodes.toUser(goneId, notice);
    }
  }

  /** Without what the messages say: whoever does not have them reads them. */
  tellHead(conversation: Conversation, head: HeadNotice): void {
    this.#tellMembers(conversation, encodeHead(head));
  }

  /** What was told until a while ago has gone out. */
  wentOut(): void {
    this.#before = this.#lately;
    this.#lately = new Map();
  }

  /** Some of what was told did not go out: others are told which messages it was about. */
  async again(): Promise<void> {
    let count = 0;
    for (const [conversationId, fromSeq] of new Map([...this.#lately, ...this.#before])) {
      count += 1;
      if (count % TOLD_IN_TURN === 0) await nextTurn();
      const conversation = await this.#options.conversations.find(conversationId);
      if (this.#isStopped) return;
      if (conversation === null) continue;
      this.tellHead(conversation, { conversationId, fromSeq, seq: conversation.committedSeq });
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  #tellMembers({ id, members }: Conversation, notice: Uint8Array): void {
    const { nodes } = this.#options;
    if (members.size > MOST_BY_MEMBER) nodes.toAll(id, notice);
    else for (const userId of members.keys()) nodes.toUser(userId, notice);
  }
}
