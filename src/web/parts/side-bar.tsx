import { nameOf, type State } from "../state.ts";
import { conversationsByTime, strangersOnline } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { ConversationRow } from "./conversation-row.tsx";
import { Mark, SignOutIcon } from "./icons.tsx";
import { StartChat } from "./start-chat.tsx";

export interface SideBarProps {
  readonly state: State;
  readonly onOpen: (conversationId: string) => void;
  readonly onStartChat: (peerId: string) => void;
  readonly onSignOut: () => void;
}

export function SideBar({ state, onOpen, onStartChat, onSignOut }: SideBarProps) {
  const conversations = conversationsByTime(state);
  const strangers = strangersOnline(state);
  return (
    <nav className="side-bar" aria-label="Conversations and people">
      <header>
        <Mark />
        <div className="brand">
          <h1>Parley</h1>
          <p>
            Signed in as <strong>{nameOf(state, state.userId)}</strong>
          </p>
        </div>
        <button type="button" className="icon-button" aria-label="Sign out" onClick={onSignOut}>
          <SignOutIcon />
        </button>
      </header>
      <StartChat userId={state.userId} onStartChat={onStartChat} />
      <div className="lists">
        {conversations.length > 0 && (
          <ul aria-label="Conversations">
            {conversations.map((conversation) => (
              <ConversationRow key={conversation.id} {...{ state, conversation, onOpen }} />
            ))}
          </ul>
        )}
        {strangers.length > 0 && (
          <section>
            <h2 id="online-now">Online now</h2>
            <ul aria-labelledby="online-now">
              {strangers.map(({ userId, name, status }) => (
                <li key={userId}>
                  <button type="button" className="row person" onClick={() => onStartChat(userId)}>
                    <Avatar id={userId} name={name} presence={status} />
                    <span className="row-title">{name}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        {conversations.length === 0 && strangers.length === 0 && (
          <p className="empty">
            Nobody else is here yet. Open this page in another tab under another name, or start a
            chat above: what you write waits for them.
          </p>
        )}
      </div>
    </nav>
  );
}
