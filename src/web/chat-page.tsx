import { useEffect, useRef, useSyncExternalStore } from "react";
import type { ChatSession } from "./chat-session.ts";
import { ConversationView } from "./parts/conversation-view.tsx";
import { Mark } from "./parts/icons.tsx";
import { JoinGroup } from "./parts/join-group.tsx";
import { LinkBanner } from "./parts/link-banner.tsx";
import { Notices } from "./parts/notices.tsx";
import { SideBar } from "./parts/side-bar.tsx";
import { useInvite } from "./use-invite.ts";
import { useOpenConversation } from "./use-open-conversation.ts";
import { totalUnread } from "./views.ts";
import type { WireMessage } from "./wire.ts";

export interface ChatPageProps {
  readonly session: ChatSession;
  readonly onSignOut: () => void;
}

export function ChatPage({ session, onSignOut }: ChatPageProps) {
  const state = useSyncExternalStore(session.store.subscribe, session.store.state);
  const { open, close } = useOpenConversation(session, state);
  const invite = useInvite();
  const drafts = useRef(new Map<string, string>());
  const conversation = state.openId === null ? undefined : state.conversations[state.openId];
  const unread = totalUnread(state, Date.now());

  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Parley` : "Parley";
  }, [unread]);

  useEffect(() => {
    const onVisibility = () => session.setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", onVisibility);
    return () => document.removeEventListener("visibilitychange", onVisibility);
  }, [session]);

  const show = (message: WireMessage) => session.finding.show(message, open);
  const startChat = (peerId: string) => open(session.conversationWith(peerId));

  return (
    <div className={`chat-page ${conversation === undefined ? "shows-list" : "shows-chat"}`}>
      <LinkBanner link={state.link} />
      <SideBar
        {...{ session, state, onSignOut }}
        onOpen={open}
        onStartChat={startChat}
        onShow={show}
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
          onShow={show}
          onStartChat={startChat}
        />
      )}
      {invite.code !== null && (
        <JoinGroup
          key={invite.code}
          session={session}
          code={invite.code}
          onJoined={(conversationId) => {
            invite.forget();
            open(conversationId);
          }}
          onClose={invite.forget}
        />
      )}
      <Notices notices={state.notices} onDismiss={session.dismiss} />
    </div>
  );
}
