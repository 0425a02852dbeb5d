import { useEffect, useState } from "react";
import type { Outcome } from "../attempts.ts";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import { nameFault } from "../identity.ts";
import { mayGiveRoles, mayManage, mayRemove } from "../permissions.ts";
import { nameOf, type State } from "../state.ts";
import { ROLES } from "../wire.ts";
import type { Member } from "../wire-groups.ts";
import { AddByName } from "./add-by-name.tsx";
import { Avatar } from "./avatar.tsx";
import { Fault } from "./dialog.tsx";
import { MoreIcon } from "./icons.tsx";
import { Menu, MenuItem } from "./menu.tsx";

export interface GroupMembersProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  readonly onStartChat: (peerId: string) => void;
}

/** Who belongs to the group, as what; and whatever the user may change of that. */
export function GroupMembers(props: GroupMembersProps) {
  const { session, state, conversation, onStartChat } = props;
  const { id, membersSeq, memberCount, role } = conversation;
  const [members, setMembers] = useState<readonly Member[]>([]);
  const [fault, setFault] = useState<string | null>(null);
  const [changes, setChanges] = useState(0);
  const [menu, setMenu] = useState<{ member: Member; anchor: HTMLElement } | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: again when something has happened to them
  useEffect(() => {
    let isStale = false;
    session.groups
      .members(id)
      .then((outcome) => {
        if (isStale) return;
        if (!outcome.isDone) {
          setFault(outcome.reason);
          return;
        }
        setMembers(byRole(outcome.answer));
        session.learnNames(outcome.answer.map(({ userId }) => userId));
      })
      .catch(reportError);
    return () => {
      isStale = true;
    };
  }, [session, id, membersSeq, memberCount, role, changes]);

  function run(call: Promise<Outcome<void>>) {
    call
      .then((outcome) => {
        setFault(outcome.isDone ? null : outcome.reason);
        setChanges((count) => count + 1);
      })
      .catch(reportError);
  }

  return (
    <section className="stack" aria-labelledby="group-members">
      <h3 id="group-members">Members ({memberCount})</h3>
      <Fault text={fault} />
      {mayManage(conversation) && <AddMember onAdd={(userId) => session.groups.add(id, userId)} />}
      <ul className="members">
        {members.map((member) => {
          const { userId } = member;
          const isMe = userId === state.userId;
          const name = nameOf(state, userId);
          return (
            <li key={userId}>
              <Avatar
                id={userId}
                name={name}
                picture={state.people[userId]?.picture ?? null}
                presence={state.people[userId]?.status ?? null}
              />
              <span className="member-name">{isMe ? `${name} (you)` : name}</span>
              {member.role !== "member" && <span className="role">{member.role}</span>}
              {!isMe && (
                <button
                  type="button"
                  className="icon-button"
                  aria-label={`Options for ${name}`}
                  aria-haspopup="menu"
                  onClick={({ currentTarget }) =>
                    setMenu(menu === null ? { member, anchor: currentTarget } : null)
                  }
                >
                  <MoreIcon />
                </button>
              )}
            </li>
          );
        })}
      </ul>
      {menu !== null && (
        <Menu
          label={`Options for ${nameOf(state, menu.member.userId)}`}
          anchor={menu.anchor}
          onClose={() => setMenu(null)}
        >
          <MenuItem onSelect={() => onStartChat(menu.member.userId)}>Write to them</MenuItem>
          {mayGiveRoles(conversation) &&
            ROLES.filter((each) => each !== menu.member.role).map((each) => (
              <MenuItem
                key={each}
                onSelect={() => run(session.groups.setRole(id, menu.member.userId, each))}
              >
                {ROLE_TEXTS[each]}
              </MenuItem>
            ))}
          {mayRemove(conversation, menu.member) && (
            <MenuItem isDanger onSelect={() => run(session.groups.remove(id, menu.member.userId))}>
              Remove from the group
            </MenuItem>
          )}
        </Menu>
      )}
    </section>
  );
}

const ROLE_TEXTS = {
  owner: "Make the owner",
  admin: "Make an admin",
  member: "Make an ordinary member",
} as const;

interface AddMemberProps {
  readonly onAdd: (userId: string) => Promise<Outcome<void>>;
}

function AddMember({ onAdd }: AddMemberProps) {
  const [fault, setFault] = useState<string | null>(null);

  async function add(userId: string): Promise<boolean> {
    const wrong = nameFault(userId);
    setFault(wrong);
    if (wrong !== null) return false;
    const outcome = await onAdd(userId);
    if (!outcome.isDone) setFault(outcome.reason);
    return outcome.isDone;
  }

  return (
    <>
      <Fault text={fault} />
      <AddByName rank="primary" onAdd={add} />
    </>
  );
}

/** The order of their joining stays within each role. */
function byRole(members: readonly Member[]): Member[] {
  const rankOf = ({ role }: Member) => ROLES.indexOf(role);
  return [...members].sort((one, other) => rankOf(one) - rankOf(other));
}
