import { useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import { mayManage } from "../permissions.ts";
import type { State } from "../state.ts";
import { titleOf } from "../views.ts";
import { Avatar } from "./avatar.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { Dialog } from "./dialog.tsx";
import { GroupInvites } from "./group-invites.tsx";
import { GroupMembers } from "./group-members.tsx";
import { Lifetime } from "./lifetime.tsx";
import { ProfileForm } from "./profile-form.tsx";

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
      {mayManage(conversation) && (
        <ProfileForm
          nameLabel="Group name"
          name={conversation.title}
          picture={picture}
          onSave={({ name, ...change }) =>
            session.groups.changeProfile(id, {
              ...change,
              ...(name !== undefined && { title: name }),
            })
          }
        />
      )}
      <Lifetime {...{ session, conversation }} />
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
