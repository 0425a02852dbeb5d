import { MemoryChatStore } from "../../src/storage/memory.ts";
import { chatStoreContract } from "../contract/chat-store.ts";
import { DeferredStore } from "../support/deferred-store.ts";

chatStoreContract("MemoryChatStore", () => new MemoryChatStore());
chatStoreContract(
  "a store that answers by promises",
  () => new DeferredStore(new MemoryChatStore()),
);
