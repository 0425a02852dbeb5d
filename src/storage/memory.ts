import { ALWAYS_LEADER } from "../chat/leadership.ts";
import { MemoryAttachmentStore } from "./memory-attachment-store.ts";
import { MemoryBlockStore } from "./memory-block-store.ts";
import { MemoryChatStore } from "./memory-chat-store.ts";
import { MemoryErasureStore } from "./memory-erasure-store.ts";
import { MemoryInviteStore } from "./memory-invite-store.ts";
import { MemoryMessageSearch } from "./memory-message-search.ts";
import { MemoryNoticeStore } from "./memory-notice-store.ts";
import { MemoryQueueStore } from "./memory-queue-store.ts";
import { MemoryRevocationStore } from "./memory-revocation-store.ts";
import { MemoryUserStore } from "./memory-users.ts";
import { MemoryWebhookStore } from "./memory-webhook-store.ts";
import type { Storage } from "./storage.ts";

/** Keeps everything in this process's memory: nothing survives `close`. */
export function memoryStorage(): Storage {
  const attachments = new MemoryAttachmentStore();
  const chat = new MemoryChatStore(attachments);
  const queues = new MemoryQueueStore();
  const revocations = new MemoryRevocationStore();
  const blocks = new MemoryBlockStore();
  const invites = new MemoryInviteStore();
  const search = new MemoryMessageSearch(chat);
  const users = new MemoryUserStore(chat);
  const webhooks = new MemoryWebhookStore(chat);
  const notices = new MemoryNoticeStore(chat, blocks, webhooks);
  const erasures = new MemoryErasureStore(chat, invites, notices);
  return {
    ...{ chat, queues, revocations, blocks, invites, users, erasures },
    ...{ search, attachments, notices, webhooks, leadership: ALWAYS_LEADER, sharedQueues: null },
    isReachable: () => true,
    async close() {
      chat.close();
      queues.close();
      revocations.close();
      blocks.close();
      invites.close();
      attachments.close();
      webhooks.close();
    },
  };
}
