import { MemoryChatStore } from "./memory-chat-store.ts";
import type { Storage } from "./storage.ts";

/** Keeps everything in this process's memory: nothing survives `close`. */
export function memoryStorage(): Storage {
  const chat = new MemoryChatStore();
  return {
    chat,
    async close() {
      chat.close();
    },
  };
}
