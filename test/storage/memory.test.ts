import { TimelyStore } from "../../src/chat/timely-store.ts";
import { memoryStorage } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { attachmentStoreContract } from "../contract/attachment-store.ts";
import { blockStoreContract } from "../contract/block-store.ts";
import { chatStoreContract } from "../contract/chat-store.ts";
import { erasureStoreContract } from "../contract/erasure-store.ts";
import { inviteStoreContract } from "../contract/invite-store.ts";
import { messageSearchContract } from "../contract/message-search.ts";
import { noticeStoreContract } from "../contract/notice-store.ts";
import { overtakenBatchesContract } from "../contract/overtaken-batches.ts";
import { queueStoreContract } from "../contract/queue-store.ts";
import { revocationStoreContract } from "../contract/revocation-store.ts";
import { userStoreContract } from "../contract/user-store.ts";
import { webhookStoreContract } from "../contract/webhook-store.ts";
import { deferred } from "../support/deferred-store.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** Of a time before all messages' ends. */
function timely(): Storage {
  const storage = memoryStorage();
  const chat = new TimelyStore(storage.chat, new FakeClock(0));
  return { ...storage, chat, close: () => storage.close() };
}

chatStoreContract("the store in memory", memoryStorage);
chatStoreContract("a store as it is read at a moment", timely);
chatStoreContract("a store that answers by promises", () => deferred(memoryStorage()));
overtakenBatchesContract("the store in memory", memoryStorage);
overtakenBatchesContract("a store as it is read at a moment", timely);
queueStoreContract("the store in memory", memoryStorage);
revocationStoreContract("the store in memory", memoryStorage);
blockStoreContract("the store in memory", memoryStorage);
inviteStoreContract("the store in memory", memoryStorage);
messageSearchContract("the store in memory", memoryStorage);
userStoreContract("the store in memory", memoryStorage);
erasureStoreContract("the store in memory", memoryStorage);
attachmentStoreContract("the store in memory", memoryStorage);
noticeStoreContract("the store in memory", memoryStorage);
webhookStoreContract("the store in memory", memoryStorage);
