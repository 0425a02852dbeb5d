import type { ChatSession } from "../chat-session.ts";
import { type Conversation, peerOf } from "../conversation.ts";
import { type Link, nameOf, type Person, type State } from "../state.ts";
import { lastSeenLabel } from "../times.ts";
import { titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { Composer } from "./composer.tsx";
import { BackIcon } from "./icons.tsx";
import { MessageList } from "./message-list.tsx";

export interface ConversationViewProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  /** Unsent text by conversation. */
  readonly drafts: Map<string, string>;
  readonly onClose: () => void;
}

export function ConversationView(props: ConversationViewProps) {
  const { session, state, conversation, drafts, onClose } = props;
  const { id } = conversation;
  const title = titleOf(state, conversation);
  const peer = peerOf(conversation, state.userId);
  const person = peer === null ? undefined : state.people[peer];
  return (
    <main className="conversation" aria-label={`Chat with ${title}`}>
      <header>
        <button type="button" className="icon-button back" aria-label="Back" onClick={onClose}>
          <BackIcon />
        </button>
        <Avatar id={peer ?? id} name={title} presence={person?.status ?? null} />
        <div className="who">
          <h2>{title}</h2>
          <p className="presence-text">
            {peer === null
              ? membersText(conversation.memberCount)
              : presenceText(state.link, person)}
          </p>
        </div>
      </header>
      <MessageList key={id} {...{ session, state, conversation }} />
      <p className="typing" role="status">
        <TypingText {...{ state, conversation }} />
      </p>
      <Composer
        key={`composer ${id}`}
        title={title}
        draft={drafts.get(id) ?? ""}
        onDraft={(text) => drafts.set(id, text)}
        onTyped={() => session.typed(id)}
        onStopped={session.typingStopped}
        onSend={(text) => session.send(id, text)}
      />
    </main>
  );
}

function TypingText({
  state,
  conversation,
}: Pick<ConversationViewProps, "state" | "conversation">) {
  const names = conversation.typing.map((typist) => nameOf(state, typist));
  if (names.length === 0) return null;
  return (
    <>
      <span className="typing-dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      {names.length === 1 ? `${names[0]} is typing…` : `${names.join(", ")} are typing…`}
    </>
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
