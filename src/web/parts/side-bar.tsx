import { type MouseEvent, type ReactNode, useCallback, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { nameOf, type State } from "../state.ts";
import { conversationsByTime, strangersOnline } from "../views.ts";
import type { WireMessage } from "../wire.ts";
import { Avatar } from "./avatar.tsx";
import { ConversationRows } from "./conversation-rows.tsx";
import {
  ArchiveIcon,
  BackIcon,
  BellIcon,
  GroupIcon,
  Mark,
  MoreIcon,
  PersonIcon,
  SignOutIcon,
} from "./icons.tsx";
import { Menu, MenuItem } from "./menu.tsx";
import { NewGroup } from "./new-group.tsx";
import { NotificationSettings } from "./notification-settings.tsx";
import { OwnProfile } from "./own-profile.tsx";
import { Search } from "./search.tsx";
import { StartChat } from "./start-chat.tsx";

export interface SideBarProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly onOpen: (conversationId: string) => void;
  readonly onStartChat: (peerId: string) => void;
  /** A message that was found. */
  readonly onShow: (message: WireMessage) => void;
  readonly onSignOut: () => void;
}

export function SideBar(props: SideBarProps) {
  const { session, state, onOpen, onStartChat, onShow, onSignOut } = props;
  const [showsArchive, setShowsArchive] = useState(false);
  const [makesGroup, setMakesGroup] = useState(false);
  const [showsProfile, setShowsProfile] = useState(false);
  const [showsNotifications, setShowsNotifications] = useState(false);
  const [menu, setMenu] = useState<HTMLElement | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);
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
        <Tool label="New group" onClick={() => setMakesGroup(true)}>
          <GroupIcon />
        </Tool>
        <Tool
          label="Menu"
          isMenuOpen={menu !== null}
          onClick={({ currentTarget }) => setMenu(menu === null ? currentTarget : null)}
        >
          <MoreIcon />
        </Tool>
      </header>
      <Search
        {...{ session, state, onShow }}
        conversationId={null}
        label="Search messages"
        onClose={null}
      >
        {showsArchive ? (
          <Archive {...{ session, state, onOpen }} onBack={() => setShowsArchive(false)} />
        ) : (
          <>
            <StartChat userId={state.userId} onStartChat={onStartChat} />
            <Lists
              {...{ session, state, onOpen, onStartChat }}
              onArchive={() => setShowsArchive(true)}
            />
          </>
        )}
      </Search>
      {menu !== null && (
        <Menu label="Menu" anchor={menu} onClose={closeMenu}>
          <MenuItem icon={<PersonIcon />} onSelect={() => setShowsProfile(true)}>
            Your profile
          </MenuItem>
          {state.notifications !== null && (
            <MenuItem icon={<BellIcon />} onSelect={() => setShowsNotifications(true)}>
              Notifications
            </MenuItem>
          )}
          <MenuItem icon={<SignOutIcon />} onSelect={onSignOut}>
            Sign out
          </MenuItem>
        </Menu>
      )}
      {showsProfile && (
        <OwnProfile {...{ session, state }} onClose={() => setShowsProfile(false)} />
      )}
      {showsNotifications && state.notifications !== null && (
        <NotificationSettings
          {...{ session }}
          settings={state.notifications}
          onClose={() => setShowsNotifications(false)}
        />
      )}
      {makesGroup && (
        <NewGroup
          {...{ session, state }}
          onMade={(id) => {
            setMakesGroup(false);
            onOpen(id);
          }}
          onClose={() => setMakesGroup(false)}
        />
      )}
    </nav>
  );
}

function Tool(props: {
  readonly label: string;
  /** Of one that opens a menu. */
  readonly isMenuOpen?: boolean;
  readonly onClick: (event: MouseEvent<HTMLElement>) => void;
  readonly children: ReactNode;
}) {
  const { label, isMenuOpen, onClick, children } = props;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      aria-haspopup={isMenuOpen === undefined ? undefined : "menu"}
      aria-expanded={isMenuOpen}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

interface ListsProps extends Omit<SideBarProps, "onShow" | "onSignOut"> {
  readonly onArchive: () => void;
}

function Lists({ session, state, onOpen, onStartChat, onArchive }: ListsProps) {
  const conversations = conversationsByTime(state);
  const archived = conversationsByTime(state, true);
  const strangers = strangersOnline(state);
  return (
    <div className="lists">
      {archived.length > 0 && (
        <button type="button" className="row archive-row" onClick={onArchive}>
          <ArchiveIcon />
          <span className="row-title">Archived</span>
          <span className="row-time">{archived.length}</span>
        </button>
      )}
      {conversations.length > 0 && (
        <ConversationRows label="Conversations" {...{ session, state, conversations, onOpen }} />
      )}
      {state.hasMore.active && <More onClick={() => session.loadMore(false)} />}
      {strangers.length > 0 && (
        <section>
          <h2 id="online-now">Online now</h2>
          <ul aria-labelledby="online-now">
            {strangers.map(({ userId, name, picture, status }) => (
              <li key={userId}>
                <button type="button" className="row person" onClick={() => onStartChat(userId)}>
                  <Avatar {...{ name, picture }} id={userId} presence={status} />
                  <span className="row-title">{name}</span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {conversations.length === 0 && strangers.length === 0 && (
        <p className="empty">
          Nobody else is here yet. Open this page in another tab under another name, or start a chat
          above: what you write waits for them.
        </p>
      )}
    </div>
  );
}

interface ArchiveProps extends Pick<SideBarProps, "session" | "state" | "onOpen"> {
  readonly onBack: () => void;
}

function Archive({ session, state, onOpen, onBack }: ArchiveProps) {
  const conversations = conversationsByTime(state, true);
  return (
    <>
      <div className="archive-head">
        <Tool label="Back to all conversations" onClick={onBack}>
          <BackIcon />
        </Tool>
        <h2>Archived</h2>
      </div>
      <div className="lists">
        {conversations.length === 0 ? (
          <p className="empty">Nothing is archived.</p>
        ) : (
          <ConversationRows
            label="Archived conversations"
            {...{ session, state, conversations, onOpen }}
          />
        )}
        {state.hasMore.archived && <More onClick={() => session.loadMore(true)} />}
      </div>
    </>
  );
}

function More({ onClick }: { readonly onClick: () => void }) {
  return (
    <button type="button" className="link-button more" onClick={onClick}>
      Show more
    </button>
  );
}
