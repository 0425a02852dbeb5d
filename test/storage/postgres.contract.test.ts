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
import { postgresDatabases } from "../support/postgres-databases.ts";

const open = async () => (await postgresDatabases()).open();

chatStoreContract("the PostgreSQL store", open);
overtakenBatchesContract("the PostgreSQL store", open);
queueStoreContract("the PostgreSQL store", open);
revocationStoreContract("the PostgreSQL store", open);
blockStoreContract("the PostgreSQL store", open);
inviteStoreContract("the PostgreSQL store", open);
messageSearchContract("the PostgreSQL store", open);
userStoreContract("the PostgreSQL store", open);
erasureStoreContract("the PostgreSQL store", open);
attachmentStoreContract("the PostgreSQL store", open);
webhookStoreContract("the PostgreSQL store", open);
noticeStoreContract("the PostgreSQL store", open);
