import type { ChatSession } from "../chat-session.ts";
import { copyText } from "../clipboard.ts";
import type { Conversation, Message } from "../conversation.ts";
import { mayDelete, mayEdit, mayPin } from "../permissions.ts";
import { QUICK_EMOJI } from "./emoji.ts";
import { CopyIcon, EditIcon, NewChatIcon, PinIcon, ReplyIcon, TrashIcon } from "./icons.tsx";
import { Menu, MenuButton, MenuItem } from "./menu.tsx";

export interface MessageMenuProps {
  readonly session: ChatSession;
  readonly userId: string;
  readonly conversation: Conversation;
  readonly message: Message;
  readonly anchor: HTMLElement;
  readonly onReply: (message: Message) => void;
  readonly onEdit: (message: Message) => void;
  readonly onDelete: (message: Message) => void;
  /** With an emoji of the user's choice. */
  readonly onReact: (message: Message) => void;
  readonly onClose: () => void;
}

/** What can be done with a message that is with the server. */
export function MessageMenu(props: MessageMenuProps) {
  const { session, userId, conversation, message, anchor, onClose } = props;
  const { id, content, isPinned, reactions } = message;
  if (id === null) return null;
  const own = reactions.find(({ userIds }) => userIds.includes(userId))?.emoji ?? null;
  return (
    <Menu label="Message options" anchor={anchor} onClose={onClose}>
      {conversation.isMember && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset is no part of a menu
        <div className="menu-row" role="group" aria-label="React">
          {QUICK_EMOJI.map((emoji) => (
            <MenuButton
              key={emoji}
              label={emoji === own ? `Take ${emoji} back` : `React with ${emoji}`}
              isChecked={emoji === own}
              onSelect={() => session.messages.react(id, emoji === own ? null : emoji)}
            >
              {emoji}
            </MenuButton>
          ))}
          <MenuButton
            label="React with another emoji"
            isChecked={false}
            onSelect={() => props.onReact(message)}
          >
            <NewChatIcon />
          </MenuButton>
        </div>
      )}
      {conversation.isMember && (
        <MenuItem icon={<ReplyIcon />} onSelect={() => props.onReply(message)}>
          Reply
        </MenuItem>
      )}
      {content !== "" && (
        <MenuItem
          icon={<CopyIcon />}
          onSelect={() => {
            copyText(content)
              .then((isDone) =>
                session.notify(isDone ? "Copied" : "The browser does not allow it."),
              )
              .catch(reportError);
          }}
        >
          Copy text
        </MenuItem>
      )}
      {mayPin(conversation) && (
        <MenuItem icon={<PinIcon />} onSelect={() => session.messages.pin(id, !isPinned)}>
          {isPinned ? "Unpin" : "Pin"}
        </MenuItem>
      )}
      {mayEdit(conversation, message, userId) && (
        <MenuItem icon={<EditIcon />} onSelect={() => props.onEdit(message)}>
          Edit
        </MenuItem>
      )}
      {mayDelete(conversation, message, userId) && (
        <MenuItem icon={<TrashIcon />} isDanger onSelect={() => props.onDelete(message)}>
          Delete for everyone
        </MenuItem>
      )}
    </Menu>
  );
}
