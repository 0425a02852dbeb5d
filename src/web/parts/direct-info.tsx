import type { ChatSession } from "../chat-session.ts";
import { type Conversation, peerOf } from "../conversation.ts";
import type { State } from "../state.ts";
import { pictureOf, titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { Dialog } from "./dialog.tsx";
import { Lifetime } from "./lifetime.tsx";

export interface DirectInfoProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  readonly onClose: () => void;
}

export function DirectInfo({ session, state, conversation, onClose }: DirectInfoProps) {
  const title = titleOf(state, conversation);
  return (
    <Dialog title="Chat info" onClose={onClose}>
      <div className="group-head">
        <Avatar
          id={peerOf(conversation, state.userId) ?? conversation.id}
          name={title}
          picture={pictureOf(state, conversation)}
          presence={null}
        />
        <h3>{title}</h3>
      </div>
      <Lifetime {...{ session, conversation }} />
    </Dialog>
  );
}
