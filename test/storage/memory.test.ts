import { memoryStorage } from "../../src/storage/memory.ts";
import { attachmentStoreContract } from "../contract/attachment-store.ts";
import { blockStoreContract } from "../contract/block-store.ts";
import { chatStoreContract } from "../contract/chat-store.ts";
import { inviteStoreContract } from "../contract/invite-store.ts";
import { queueStoreContract } from "../contract/queue-store.ts";
import { revocationStoreContract } from "../contract/revocation-store.ts";
import { deferred } from "../support/deferred-store.ts";

chatStoreContract("the store in memory", memoryStorage);
chatStoreContract("a store that answers by promises", () => deferred(memoryStorage()));
queueStoreContract("the store in memory", memoryStorage);
revocationStoreContract("the store in memory", memoryStorage);
blockStoreContract("the store in memory", memoryStorage);
inviteStoreContract("the store in memory", memoryStorage);
attachmentStoreContract("the store in memory", memoryStorage);
