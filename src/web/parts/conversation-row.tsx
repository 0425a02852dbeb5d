import {
  type Conversation,
  isMuted,
  isReachable,
  peerOf,
  shownMessages,
  unreadCount,
  unreadMentions,
} from "../conversation.ts";
import { summaryOf } from "../files.ts";
import { nameOf, type State } from "../state.ts";
import { listLabel } from "../times.ts";
import { pictureOf, titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { MoreIcon, MutedIcon, PinIcon } from "./icons.tsx";
import { Ticks } from "./ticks.tsx";

export interface ConversationRowProps {
  readonly state: State;
  readonly conversation: Conversation;
  readonly isMenuOpen: boolean;
  readonly onOpen: (conversationId: string) => void;
  readonly onMenu: (conversationId: string, anchor: HTMLElement) => void;
}

export function ConversationRow(props: ConversationRowProps) {
  const { state, conversation, isMenuOpen, onOpen, onMenu } = props;
  const { id, messages, pinnedMs } = conversation;
  const peer = peerOf(conversation, state.userId);
  const title = titleOf(state, conversation);
  const last = messages.at(-1);
  const isOpen = id === state.openId;
  const unread = unreadCount(conversation, state.userId);
  const isQuiet = isMuted(conversation, Date.now());
  return (
    <li className="row-line" data-conversation-id={id}>
      <button
        type="button"
        className="row"
        aria-current={isOpen ? "true" : undefined}
        onClick={() => onOpen(id)}
      >
        <Avatar
          id={peer ?? id}
          name={title}
          picture={pictureOf(state, conversation)}
          presence={peer === null ? null : (state.people[peer]?.status ?? null)}
        />
        <span className="row-title">{title}</span>
        <span className="row-time">
          {last !== undefined && listLabel(last.timestampMs, Date.now())}
        </span>
        <span className="row-preview">
          <Preview state={state} conversation={conversation} />
        </span>
        <span className="row-marks">
          {isQuiet && (
            <span role="img" aria-label="Muted">
              <MutedIcon />
            </span>
          )}
          {pinnedMs !== null && (
            <span role="img" aria-label="Pinned to the top">
              <PinIcon size={16} />
            </span>
          )}
          {unreadMentions(conversation, state.userId) > 0 && (
            <span className="mentions-me" role="img" aria-label="You are mentioned">
              @
            </span>
          )}
          {unread > 0 && (
            <span className={isQuiet ? "unread quiet" : "unread"}>
              {unread}
              <span className="visually-hidden"> unread</span>
            </span>
          )}
        </span>
      </button>
      {isReachable(conversation) && (
        <button
          type="button"
          className="icon-button row-more"
          aria-label={`Options for ${title}`}
          aria-haspopup="menu"
          aria-expanded={isMenuOpen}
          onClick={({ currentTarget }) => onMenu(id, currentTarget)}
        >
          <MoreIcon />
        </button>
      )}
    </li>
  );
}

function Preview({ state, conversation }: Pick<ConversationRowProps, "state" | "conversation">) {
  const typist = conversation.typing[0];
  if (typist !== undefined) return <em className="is-typing">typing…</em>;
  // Of a list that has just come only the last event may be at hand.
  const last = shownMessages(conversation.messages).at(-1) ?? conversation.messages.at(-1);
  if (last === undefined || last.isGone) return "No messages";
  const isMine = last.senderId === state.userId;
  const isNamed = conversation.kind === "group" && !isMine && last.event === null;
  return (
    <>
      {isMine && last.event === null && <Ticks status={last.status} />}
      <span className="row-text">
        {isNamed && `${nameOf(state, last.senderId)}: `}
        {last.isDeleted ? <em>deleted</em> : <bdi>{summaryOf(last)}</bdi>}
      </span>
    </>
  );
}
