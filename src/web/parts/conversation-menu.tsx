import type { PreferencesWish } from "../api.ts";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, isMuted } from "../conversation.ts";
import { ArchiveIcon, BellIcon, InfoIcon, PinIcon } from "./icons.tsx";
import { Menu, MenuItem } from "./menu.tsx";

const HOUR_MS = 60 * 60 * 1000;
/** The last time that is written with a year of four digits. */
const ALWAYS_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

export interface ConversationMenuProps {
  readonly session: ChatSession;
  readonly conversation: Conversation;
  readonly anchor: HTMLElement;
  /** null: there is nothing more to tell of it. */
  readonly onInfo: (() => void) | null;
  readonly onClose: () => void;
}

/** What the user arranges for themselves: how a conversation stands in their list, and is told of. */
export function ConversationMenu(props: ConversationMenuProps) {
  const { session, conversation, anchor, onInfo, onClose } = props;
  const { id, kind, isArchived, pinnedMs } = conversation;

  function prefer(wish: PreferencesWish) {
    session.groups
      .prefer(id, wish)
      .then((outcome) => {
        if (!outcome.isDone) session.notify(outcome.reason);
      })
      .catch(reportError);
  }

  return (
    <Menu label="Chat options" anchor={anchor} onClose={onClose}>
      {onInfo !== null && (
        <MenuItem icon={<InfoIcon />} onSelect={onInfo}>
          {kind === "group" ? "Group info" : "Chat info"}
        </MenuItem>
      )}
      <MenuItem icon={<PinIcon />} onSelect={() => prefer({ isPinned: pinnedMs === null })}>
        {pinnedMs === null ? "Pin to the top" : "Unpin from the top"}
      </MenuItem>
      {isMuted(conversation, Date.now()) ? (
        <MenuItem icon={<BellIcon />} onSelect={() => prefer({ mutedUntilMs: null })}>
          Unmute
        </MenuItem>
      ) : (
        <>
          <MenuItem
            icon={<BellIcon />}
            onSelect={() => prefer({ mutedUntilMs: Date.now() + 8 * HOUR_MS })}
          >
            Mute for 8 hours
          </MenuItem>
          <MenuItem
            icon={<BellIcon />}
            onSelect={() => prefer({ mutedUntilMs: Date.now() + 7 * 24 * HOUR_MS })}
          >
            Mute for a week
          </MenuItem>
          <MenuItem icon={<BellIcon />} onSelect={() => prefer({ mutedUntilMs: ALWAYS_MS })}>
            Mute always
          </MenuItem>
        </>
      )}
      <MenuItem icon={<ArchiveIcon />} onSelect={() => prefer({ isArchived: !isArchived })}>
        {isArchived ? "Take out of the archive" : "Archive"}
      </MenuItem>
    </Menu>
  );
}
