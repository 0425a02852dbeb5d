import type { ChatOptions } from "../chat/chat.ts";
import type { Settings } from "../config.ts";

type ChatSettings = Omit<
  ChatOptions,
  | ("store" | "outlet" | "nodes" | "clock" | "log" | "newId" | "newCode" | "commits" | "blocks")
  | ("invites" | "users" | "erasures" | "underWay" | "attachments")
  | ("lockOut" | "expel" | "endUploads" | "onStoreChange" | "onCommit" | "onTold" | "onFault")
>;

/** What chat is told of the settings. */
export function chatSettings({ chat, delivery, limits, presence }: Settings): ChatSettings {
  return {
    delivery: delivery.mode,
    echo: chat.echo,
    openDirect: chat.openDirect,
    tellsEvents: chat.systemMessages,
    editWithinMs: chat.editWithinMs,
    deleteWithinMs: chat.deleteWithinMs,
    openProfiles: chat.openProfiles,
    contentBytes: limits.frameBytes,
    recentMessages: chat.recentMessages,
    cachedMembers: chat.cachedMembers,
    uncommittedMessages: limits.uncommittedMessages,
    uncommittedBytes: limits.uncommittedBytes,
    typingExpiryMs: chat.typingExpiryMs,
    graceMs: presence.graceMs,
    presenceVisibleTo: presence.visibleTo,
    messagesPerSecond: limits.messagesPerSecond,
    messagesBurst: limits.messagesBurst,
    conversationMembers: limits.conversationMembers,
    typingPerSecond: limits.typingPerSecond,
    typingBurst: limits.typingBurst,
  };
}
