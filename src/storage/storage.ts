import type { RevocationStore } from "../auth/revocations.ts";
import type { QueueStore } from "../broker/queue-store.ts";
import type { SharedQueueStore } from "../broker/shared-queue-store.ts";
import type { AttachmentStore } from "../chat/attachments.ts";
import type { BlockStore } from "../chat/blocks.ts";
import type { InviteStore } from "../chat/invites.ts";
import type { Leadership } from "../chat/leadership.ts";
import type { ChatStore } from "../chat/ports.ts";
import type { MessageSearch } from "../chat/search.ts";
import type { ErasureStore, UserDataStore, UserStore } from "../chat/user-ports.ts";
import type { NoticeStore, NoticeTargetStore } from "../notify/ports.ts";
import type { WebhookStore } from "../notify/webhook-ports.ts";

/** One engine and the stores that it keeps, each for the floor whose port it is. */
export interface Storage {
  readonly chat: ChatStore;
  readonly queues: QueueStore;
  /** The same messages, for nodes that share them; null: the engine is one node's. */
  readonly sharedQueues: SharedQueueStore | null;
  readonly revocations: RevocationStore;
  readonly blocks: BlockStore;
  readonly invites: InviteStore;
  readonly search: MessageSearch;
  readonly users: UserStore & UserDataStore;
  readonly erasures: ErasureStore;
  readonly attachments: AttachmentStore;
  readonly webhooks: WebhookStore;
  readonly notices: NoticeTargetStore & NoticeStore;
  /** Which of the nodes that have it open leads. */
  readonly leadership: Leadership;

  /** The engine answers, as far as is known without asking; an embedded one always does. */
  isReachable(): boolean;

  /**
   * Finishes the commits under way and lets go of files and workers. From its call on, commits fail
   * with STORAGE_UNAVAILABLE, and so do reads when it has resolved. Idempotent.
   */
  close(): Promise<void>;
}
