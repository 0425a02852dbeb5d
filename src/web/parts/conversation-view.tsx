import { useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, isReachable, peerOf } from "../conversation.ts";
import type { Link, Person, State } from "../state.ts";
import { lastSeenLabel } from "../times.ts";
import { titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { Chat } from "./chat.tsx";
import { ConversationMenu } from "./conversation-menu.tsx";
import { GroupInfo } from "./group-info.tsx";
import { BackIcon, MoreIcon } from "./icons.tsx";

export interface ConversationViewProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  /** Unsent text by conversation. */
  readonly drafts: Map<string, string>;
  readonly onClose: () => void;
  /** The direct conversation with a member. */
  readonly onStartChat: (peerId: string) => void;
}

export function ConversationView(props: ConversationViewProps) {
  const { session, state, conversation, drafts, onClose, onStartChat } = props;
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [showsInfo, setShowsInfo] = useState(false);
  const { id, kind, picture, memberCount } = conversation;
  const title = titleOf(state, conversation);
  const peer = peerOf(conversation, state.userId);
  const person = peer === null ? undefined : state.people[peer];
  const who = (
    <>
      <Avatar id={peer ?? id} name={title} picture={picture} presence={person?.status ?? null} />
      <div className="who">
        <h2>{title}</h2>
        <p className="presence-text">
          {peer === null ? membersText(memberCount) : presenceText(state.link, person)}
        </p>
      </div>
    </>
  );
  return (
    <main className="conversation" aria-label={`Chat with ${title}`}>
      <header>
        <button type="button" className="icon-button back" aria-label="Back" onClick={onClose}>
          <BackIcon />
        </button>
        {kind === "group" ? (
          <button
            type="button"
            className="whole"
            title="Group info"
            onClick={() => setShowsInfo(true)}
          >
            {who}
          </button>
        ) : (
          <div className="whole">{who}</div>
        )}
        <div className="header-tools">
          {isReachable(conversation) && (
            <button
              type="button"
              className="icon-button"
              aria-label="Chat options"
              aria-haspopup="menu"
              aria-expanded={anchor !== null}
              onClick={({ currentTarget }) => setAnchor(anchor === null ? currentTarget : null)}
            >
              <MoreIcon />
            </button>
          )}
        </div>
      </header>
      <Chat key={id} {...{ session, state, conversation, drafts }} />
      {anchor !== null && (
        <ConversationMenu
          {...{ session, conversation, anchor }}
          onInfo={kind === "group" ? () => setShowsInfo(true) : null}
          onClose={() => setAnchor(null)}
        />
      )}
      {showsInfo && (
        <GroupInfo
          {...{ session, state, conversation }}
          onStartChat={(peerId) => {
            setShowsInfo(false);
            onStartChat(peerId);
          }}
          onClose={() => setShowsInfo(false)}
        />
      )}
    </main>
  );
}

function membersText(count: number): string {
  return count === 1 ? "1 member" : `${count} members`;
}

/** Without a connection nobody knows. */
function presenceText(link: Link, person: Person | undefined): string {
  if (person === undefined || link !== "online") return "";
  if (person.status === "ONLINE") return "online";
  if (person.status === "AWAY") return "away";
  return person.lastSeenMs === null ? "offline" : lastSeenLabel(person.lastSeenMs, Date.now());
}
