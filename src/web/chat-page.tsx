import { useEffect, useRef, useSyncExternalStore } from "react";
import type { ChatSession } from "./chat-session.ts";
import { ConversationView } from "./parts/conversation-view.tsx";
import { Mark } from "./parts/icons.tsx";
import { LinkBanner } from "./parts/link-banner.tsx";
import { Notices } from "./parts/notices.tsx";
import { SideBar } from "./parts/side-bar.tsx";
import { useOpenConversation } from "./use-open-conversation.ts";
import { totalUnread } from "./views.ts";

export interface ChatPageProps {
  readonly session: ChatSession;
  readonly onSignOut: () => void;
}

export function ChatPage({ session, onSignOut }: ChatPageProps) {
  const state = useSyncExternalStore(session.store.subscribe, session.store.state);
  const { open, close } = useOpenConversation(session, state);
  const drafts = useRef(new Map<string, string>());
  const conversation = state.openId === null ? undefined : state.conversations[state.openId];
  const unread = totalUnread(state);

  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Parley` : "Parley";
  }, [unread]);

  useEffect(() => {
    const onVisibility = () => session.setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", onVisibility);
    return () => document.removeEventListener("visibilitychange", onVisibility);
  }, [session]);

  return (
    <div className={`chat-page ${conversation === undefined ? "shows-list" : "shows-chat"}`}>
      <LinkBanner link={state.link} />
      <SideBar
        state={state}
        onOpen={open}
        onStartChat={(peerId) => open(session.conversationWith(peerId))}
        onSignOut={onSignOut}
      />
      {conversation === undefined ? (
        <main className="welcome">
          <Mark size={72} />
          <h2>Good to see you</h2>
          <p>Choose a conversation, or start one with anybody by name.</p>
        </main>
      ) : (
        <ConversationView
          {...{ session, state, conversation }}
          drafts={drafts.current}
          onClose={close}
        />
      )}
      <Notices notices={state.notices} onDismiss={session.dismiss} />
    </div>
  );
}
