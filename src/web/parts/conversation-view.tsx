import { useRef, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, isReachable, peerOf } from "../conversation.ts";
import type { Person } from "../people.ts";
import type { Link, State } from "../state.ts";
import { lastSeenLabel } from "../times.ts";
import { pictureOf, titleOf } from "../views.ts";
import type { WireMessage } from "../wire.ts";
import { Avatar } from "./avatar.tsx";
import { Chat } from "./chat.tsx";
import { ConversationMenu } from "./conversation-menu.tsx";
import { DirectInfo } from "./direct-info.tsx";
import { GroupInfo } from "./group-info.tsx";
import { BackIcon, MoreIcon, SearchIcon } from "./icons.tsx";
import { Search } from "./search.tsx";

export interface ConversationViewProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  /** Unsent text by conversation. */
  readonly drafts: Map<string, string>;
  readonly onClose: () => void;
  /** A message that was found. */
  readonly onShow: (message: WireMessage) => void;
  /** The direct conversation with a member. */
  readonly onStartChat: (peerId: string) => void;
}

export function ConversationView(props: ConversationViewProps) {
  const { session, state, conversation, drafts, onClose, onShow, onStartChat } = props;
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [showsInfo, setShowsInfo] = useState(false);
  const [searchedId, setSearchedId] = useState<string | null>(null);
  const searchOpener = useRef<HTMLButtonElement>(null);
  const { id, kind, memberCount } = conversation;
  const searches = searchedId === id;
  const isAbleToTell = kind === "group" || isReachable(conversation);
  const closeInfo = () => setShowsInfo(false);
  const title = titleOf(state, conversation);
  const peer = peerOf(conversation, state.userId);
  const person = peer === null ? undefined : state.people[peer];
  const who = (
    <>
      <Avatar
        id={peer ?? id}
        name={title}
        picture={pictureOf(state, conversation)}
        presence={person?.status ?? null}
      />
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
        {isAbleToTell ? (
          <button
            type="button"
            className="whole"
            title={kind === "group" ? "Group info" : "Chat info"}
            onClick={() => setShowsInfo(true)}
          >
            {who}
          </button>
        ) : (
          <div className="whole">{who}</div>
        )}
        <div className="header-tools">
          {isReachable(conversation) && (
            <>
              <button
                ref={searchOpener}
                type="button"
                className="icon-button"
                aria-label="Search this chat"
                title="Search this chat"
                aria-expanded={searches}
                onClick={() => setSearchedId(searches ? null : id)}
              >
                <SearchIcon />
              </button>
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
            </>
          )}
        </div>
      </header>
      {searches && (
        <Search
          {...{ session, state, conversationId: id }}
          label="Search this chat"
          onShow={(message) => {
            setSearchedId(null);
            onShow(message);
          }}
          onClose={() => {
            setSearchedId(null);
            searchOpener.current?.focus();
          }}
        />
      )}
      <Chat key={id} {...{ session, state, conversation, drafts }} />
      {anchor !== null && (
        <ConversationMenu
          {...{ session, conversation, anchor }}
          onInfo={() => setShowsInfo(true)}
          onClose={() => setAnchor(null)}
        />
      )}
      {showsInfo && kind === "direct" && (
        <DirectInfo {...{ session, state, conversation }} onClose={closeInfo} />
      )}
      {showsInfo && kind === "group" && (
        <GroupInfo
          {...{ session, state, conversation }}
          onStartChat={(peerId) => {
            closeInfo();
            onStartChat(peerId);
          }}
          onClose={closeInfo}
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
