import { useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { nameFault } from "../identity.ts";
import { newUuid } from "../ids.ts";
import { nameOf, type State } from "../state.ts";
import { knownPeople } from "../views.ts";
import { AddByName } from "./add-by-name.tsx";
import { Avatar } from "./avatar.tsx";
import { Dialog, Fault } from "./dialog.tsx";

export interface NewGroupProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly onMade: (conversationId: string) => void;
  readonly onClose: () => void;
}

export function NewGroup({ session, state, onMade, onClose }: NewGroupProps) {
  const [key] = useState(newUuid);
  const [title, setTitle] = useState("");
  const [strangers, setStrangers] = useState<readonly string[]>([]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const known = knownPeople(state).map(({ userId }) => userId);
  const candidates = [...strangers.filter((userId) => !known.includes(userId)), ...known];

  function choose(userId: string, isChosen: boolean) {
    const next = new Set(chosen);
    if (isChosen) next.add(userId);
    else next.delete(userId);
    setChosen(next);
  }

  function add(userId: string): boolean {
    const wrong = userId === state.userId ? "You are a member anyway." : nameFault(userId);
    setFault(wrong);
    if (wrong !== null) return false;
    if (!strangers.includes(userId)) setStrangers([userId, ...strangers]);
    choose(userId, true);
    return true;
  }

  async function make() {
    setBusy(true);
    const memberIds = [...chosen];
    const outcome = await session.groups.create({ title: title.trim() || null, memberIds }, key);
    setBusy(false);
    if (outcome.isDone) onMade(outcome.answer);
    else setFault(outcome.reason);
  }

  return (
    <Dialog title="New group" onClose={onClose}>
      <label className="stack">
        Group name
        <input
          data-first
          value={title}
          maxLength={128}
          onChange={(event) => setTitle(event.target.value)}
        />
      </label>
      <AddByName rank="secondary" onAdd={add} />
      {candidates.length > 0 && (
        <fieldset className="candidates">
          <legend>Members</legend>
          {candidates.map((userId) => (
            <label key={userId} className="candidate">
              <input
                type="checkbox"
                checked={chosen.has(userId)}
                onChange={(event) => choose(userId, event.target.checked)}
              />
              <Avatar
                id={userId}
                name={nameOf(state, userId)}
                picture={state.people[userId]?.picture ?? null}
                presence={state.people[userId]?.status ?? null}
              />
              <span>{nameOf(state, userId)}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Fault text={fault} />
      <div className="dialog-actions">
        <button
          type="button"
          className="primary"
          disabled={isBusy}
          onClick={() => make().catch(reportError)}
        >
          {chosen.size === 0 ? "Make group" : `Make group of ${chosen.size + 1}`}
        </button>
      </div>
    </Dialog>
  );
}
