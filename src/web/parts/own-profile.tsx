import type { ChatSession } from "../chat-session.ts";
import { nameOf, type State } from "../state.ts";
import { Avatar } from "./avatar.tsx";
import { Dialog } from "./dialog.tsx";
import { ProfileForm } from "./profile-form.tsx";

export interface OwnProfileProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly onClose: () => void;
}

/** How the user shows themselves to others. */
export function OwnProfile({ session, state, onClose }: OwnProfileProps) {
  const { userId } = state;
  const name = nameOf(state, userId);
  const picture = state.people[userId]?.picture ?? null;
  return (
    <Dialog title="Your profile" onClose={onClose}>
      <div className="group-head">
        <Avatar id={userId} name={name} picture={picture} presence={null} />
        <h3>{name}</h3>
      </div>
      <ProfileForm
        {...{ nameLabel: "Name", name, picture }}
        onSave={(change) => session.profiles.change(change)}
      />
    </Dialog>
  );
}
