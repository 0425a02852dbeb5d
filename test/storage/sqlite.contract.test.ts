import { afterAll } from "bun:test";
import { openSqliteStorage } from "../../src/storage/sqlite.ts";
import { attachmentStoreContract } from "../contract/attachment-store.ts";
import { blockStoreContract } from "../contract/block-store.ts";
import { chatStoreContract } from "../contract/chat-store.ts";
import { erasureStoreContract } from "../contract/erasure-store.ts";
import { inviteStoreContract } from "../contract/invite-store.ts";
import { messageSearchContract } from "../contract/message-search.ts";
import { noticeStoreContract } from "../contract/notice-store.ts";
import { queueStoreContract } from "../contract/queue-store.ts";
import { revocationStoreContract } from "../contract/revocation-store.ts";
import { userStoreContract } from "../contract/user-store.ts";
import { webhookStoreContract } from "../contract/webhook-store.ts";
import { deferred } from "../support/deferred-store.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const folder = new TemporaryFolder();
let opened = 0;
const open = () => openSqliteStorage({ path: folder.file(`${opened++}.db`) });

afterAll(() => folder[Symbol.dispose]());

chatStoreContract("the SQLite store", open);
chatStoreContract("the SQLite store by promises", async () => deferred(await open()));
queueStoreContract("the SQLite store", open);
revocationStoreContract("the SQLite store", open);
blockStoreContract("the SQLite store", open);
inviteStoreContract("the SQLite store", open);
messageSearchContract("the SQLite store", open);
userStoreContract("the SQLite store", open);
erasureStoreContract("the SQLite store", open);
attachmentStoreContract("the SQLite store", open);
webhookStoreContract("the SQLite store", open);
noticeStoreContract("the SQLite store", open);
