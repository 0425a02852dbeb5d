import type { Nameable } from "../mentions.ts";
import type { People } from "../people.ts";
import { Avatar } from "./avatar.tsx";

export interface MentionListProps {
  readonly id: string;
  readonly members: readonly Nameable[];
  readonly active: number;
  readonly people: People;
  readonly onPick: (member: Nameable) => void;
}

/** Members who may be meant. The focus stays in the field, whose keys go through them. */
export function MentionList({ id, members, active, people, onPick }: MentionListProps) {
  return (
    <div className="mention-list" role="listbox" id={id} aria-label="Members to mention">
      {members.map((member, index) => {
        const { userId, name } = member;
        return (
          <div
            key={userId}
            id={`${id}-${index}`}
            className="menu-item"
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            onPointerDown={(event) => {
              event.preventDefault();
              onPick(member);
            }}
          >
            <Avatar
              id={userId}
              name={name}
              picture={people[userId]?.picture ?? null}
              presence={null}
            />
            <span className="row-title">{name}</span>
            {name !== userId && <span className="row-time">{userId}</span>}
          </div>
        );
      })}
    </div>
  );
}
