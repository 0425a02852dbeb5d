import { memoryStorage } from "../../src/storage/memory.ts";
import { blockStoreContract } from "../contract/block-store.ts";
import { chatStoreContract } from "../contract/chat-store.ts";
import { erasureStoreContract } from "../contract/erasure-store.ts";
import { inviteStoreContract } from "../contract/invite-store.ts";
import { queueStoreContract } from "../contract/queue-store.ts";
import { revocationStoreContract } from "../contract/revocation-store.ts";
import { userStoreContract } from "../contract/user-store.ts";
import { deferred } from "../support/deferred-store.ts";

chatStoreContract("the store in memory", memoryStorage);
chatStoreContract("a store that answers by promises", () => deferred(memoryStorage()));
queueStoreContract("the store in memory", memoryStorage);
revocationStoreContract("the store in memory", memoryStorage);
blockStoreContract("the store in memory", memoryStorage);
inviteStoreContract("the store in memory", memoryStorage);
userStoreContract("the store in memory", memoryStorage);
erasureStoreContract("the store in memory", memoryStorage);
