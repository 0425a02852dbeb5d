import { type FormEvent, useState } from "react";
import type { ProfileChange } from "../api.ts";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import { mayManage } from "../permissions.ts";
import type { State } from "../state.ts";
import { titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { Dialog, Fault } from "./dialog.tsx";
import { GroupInvites } from "./group-invites.tsx";
import { GroupMembers } from "./group-members.tsx";

export interface GroupInfoProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  readonly onStartChat: (peerId: string) => void;
  readonly onClose: () => void;
}

export function GroupInfo(props: GroupInfoProps) {
  const { session, state, conversation, onStartChat, onClose } = props;
  const [isLeaving, setLeaving] = useState(false);
  const { id, picture, isMember } = conversation;
  const title = titleOf(state, conversation);
  if (isLeaving) {
    return (
      <ConfirmDialog
        title={`Leave ${title}?`}
        text="You will get no more of its messages. To come back you need a link, or somebody who adds you."
        action="Leave"
        onConfirm={() => session.groups.leave(id)}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog title="Group info" onClose={onClose}>
      <div className="group-head">
        <Avatar id={id} name={title} picture={picture} presence={null} />
        <h3>{title}</h3>
      </div>
      {mayManage(conversation) && <Profile {...{ session, conversation }} />}
      {isMember && <GroupMembers {...{ session, state, conversation, onStartChat }} />}
      {mayManage(conversation) && <GroupInvites {...{ session, conversation }} />}
      {isMember && (
        <button type="button" className="secondary danger" onClick={() => setLeaving(true)}>
          Leave group
        </button>
      )}
    </Dialog>
  );
}

function Profile({ session, conversation }: Pick<GroupInfoProps, "session" | "conversation">) {
  // What was not written here stays, whatever others make of it meanwhile.
  const [written, setWritten] = useState<{ title?: string; picture?: string }>({});
  const [fault, setFault] = useState<string | null>(null);
  const title = written.title ?? conversation.title ?? "";
  const picture = written.picture ?? conversation.picture ?? "";
  const change: ProfileChange = {
    ...(title.trim() !== (conversation.title ?? "") && { title: title.trim() || null }),
    ...(picture.trim() !== (conversation.picture ?? "") && { picture: picture.trim() || null }),
  };

  async function save(event: FormEvent) {
    event.preventDefault();
    const outcome = await session.groups.changeProfile(conversation.id, change);
    setFault(outcome.isDone ? null : outcome.reason);
    if (outcome.isDone) setWritten({});
  }

  return (
    <form className="stack" onSubmit={(event) => save(event).catch(reportError)}>
      <Fault text={fault} />
      <label>
        Group name
        <input
          value={title}
          maxLength={128}
          onChange={(event) => setWritten({ ...written, title: event.target.value })}
        />
      </label>
      <label>
        Picture
        <input
          type="url"
          value={picture}
          placeholder="https://…"
          onChange={(event) => setWritten({ ...written, picture: event.target.value })}
        />
      </label>
      <p className="hint">
        An address. Here only pictures of this server are shown: another site would learn who looks.
      </p>
      <button type="submit" className="primary" disabled={Object.keys(change).length === 0}>
        Save
      </button>
    </form>
  );
}
