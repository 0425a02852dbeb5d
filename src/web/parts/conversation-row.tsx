import { type Conversation, peerOf, shownMessages, unreadCount } from "../conversation.ts";
import { nameOf, type State } from "../state.ts";
import { listLabel } from "../times.ts";
import { titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { Ticks } from "./ticks.tsx";

export interface ConversationRowProps {
  readonly state: State;
  readonly conversation: Conversation;
  readonly onOpen: (conversationId: string) => void;
}

export function ConversationRow({ state, conversation, onOpen }: ConversationRowProps) {
  const { id, messages } = conversation;
  const peer = peerOf(conversation, state.userId);
  const title = titleOf(state, conversation);
  const last = messages.at(-1);
  const isOpen = id === state.openId;
  const unread = unreadCount(conversation, state.userId);
  return (
    <li>
      <button
        type="button"
        className="row"
        aria-current={isOpen ? "true" : undefined}
        onClick={() => onOpen(id)}
      >
        <Avatar
          id={peer ?? id}
          name={title}
          presence={peer === null ? null : (state.people[peer]?.status ?? null)}
        />
        <span className="row-title">{title}</span>
        <span className="row-time">
          {last !== undefined && listLabel(last.timestampMs, Date.now())}
        </span>
        <span className="row-preview">
          <Preview state={state} conversation={conversation} />
        </span>
        {unread > 0 && (
          <span className="unread">
            {unread}
            <span className="visually-hidden"> unread</span>
          </span>
        )}
      </button>
    </li>
  );
}

function Preview({ state, conversation }: Omit<ConversationRowProps, "onOpen">) {
  const typist = conversation.typing[0];
  if (typist !== undefined) return <em className="is-typing">typing…</em>;
  const last = shownMessages(conversation.messages).at(-1);
  if (last === undefined) return "No messages yet";
  const isMine = last.senderId === state.userId;
  const isNamed = conversation.kind === "group" && !isMine && last.event === null;
  return (
    <>
      {isMine && last.event === null && <Ticks status={last.status} />}
      <span className="row-text">
        {isNamed && `${nameOf(state, last.senderId)}: `}
        {last.isDeleted ? <em>deleted</em> : last.content}
      </span>
    </>
  );
}
