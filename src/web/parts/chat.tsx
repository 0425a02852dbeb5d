import { useCallback, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation, Message } from "../conversation.ts";
import { namedIn, namedInEdit } from "../mentions.ts";
import { mayEdit } from "../permissions.ts";
import { nameOf, type State } from "../state.ts";
import type { Upload } from "../uploads.ts";
import { titleOf } from "../views.ts";
import { Composer, type Writing } from "./composer.tsx";
import { MessageList } from "./message-list.tsx";
import { PinnedBar } from "./pinned-bar.tsx";
import { useNameable } from "./use-nameable.ts";

export interface ChatProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  /** Unsent text by conversation. */
  readonly drafts: Map<string, string>;
}

const NO_UPLOADS: readonly Upload[] = [];
const NEW: Writing = { kind: "new" };

/** What was said in one conversation, and what is being written. */
export function Chat({ session, state, conversation, drafts }: ChatProps) {
  const { id } = conversation;
  const [wanted, setWriting] = useState<Writing>(NEW);
  const writing = isOfGone(conversation, wanted) ? NEW : wanted;
  const onReply = useCallback((message: Message) => setWriting({ kind: "reply", message }), []);
  const onEdit = useCallback((message: Message) => setWriting({ kind: "edit", message }), []);
  const members = useNameable(session, state, conversation);
  const isEdit = writing.kind === "edit";
  const uploads = state.uploads[id] ?? NO_UPLOADS;

  function send(text: string, picked: ReadonlySet<string>): boolean {
    if (writing.kind === "edit") {
      const { id: messageId, content, mentions: before } = writing.message;
      if (messageId !== null && text !== content) {
        const mentions = namedInEdit(text, members, picked, before);
        session.messages.edit(messageId, text, mentions);
      }
    } else {
      const replyTo = writing.kind === "reply" ? writing.message.id : null;
      const mentions = namedIn(text, members, picked);
      const attachments = uploads.flatMap(({ attachment }) => attachment ?? []);
      if (!session.send(id, { content: text, replyTo, mentions, attachments })) return false;
      session.uploads.forget(id);
    }
    setWriting(NEW);
    return true;
  }

  function editLast() {
    const last = conversation.messages.findLast((each) =>
      mayEdit(conversation, each, state.userId),
    );
    if (last !== undefined) onEdit(last);
  }

  return (
    <>
      <PinnedBar {...{ session, state, conversation }} />
      <MessageList {...{ session, state, conversation, onReply, onEdit }} />
      <p className="typing" role="status">
        <TypingText {...{ state, conversation }} />
      </p>
      {conversation.isMember ? (
        <Composer
          key={isEdit ? writing.message.key : "new"}
          title={titleOf(state, conversation)}
          writing={writing}
          replyName={writing.kind === "reply" ? replyName(state, writing.message) : ""}
          draft={isEdit ? writing.message.content : (drafts.get(id) ?? "")}
          onDraft={(text) => {
            if (!isEdit) drafts.set(id, text);
          }}
          onTyped={() => {
            if (!isEdit) session.typed(id);
          }}
          onStopped={session.typingStopped}
          members={members}
          people={state.people}
          attaching={
            isEdit
              ? null
              : {
                  ...{ uploads, files: session.files },
                  onAdd: (files) => session.uploads.add(id, files),
                  onRemove: (key) => session.uploads.remove(id, key),
                  onRetry: (key) => session.uploads.retry(id, key),
                }
          }
          onSend={send}
          onCancel={() => setWriting(NEW)}
          onEditLast={editLast}
        />
      ) : (
        <p className="parted">You are no longer a member of this group.</p>
      )}
    </>
  );
}

/** The message that it is about has disappeared. */
function isOfGone({ messages }: Conversation, writing: Writing): boolean {
  if (writing.kind === "new") return false;
  return messages.some(({ key, isGone }) => key === writing.message.key && isGone);
}

function replyName(state: State, { senderId }: Message): string {
  return senderId === state.userId ? "yourself" : nameOf(state, senderId);
}

function TypingText({ state, conversation }: Pick<ChatProps, "state" | "conversation">) {
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
