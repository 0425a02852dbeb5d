import { useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import { LIFETIMES, lifetimeText } from "../lifetimes.ts";
import { mayLimitLifetime } from "../permissions.ts";
import { Fault } from "./dialog.tsx";

export interface LifetimeProps {
  readonly session: ChatSession;
  readonly conversation: Conversation;
}

/** How long messages say something, and where the user may: how long they are to. */
export function Lifetime({ session, conversation }: LifetimeProps) {
  const [fault, setFault] = useState<string | null>(null);
  const seconds = conversation.disappearAfterSeconds;
  if (!mayLimitLifetime(conversation)) {
    return seconds === null ? null : (
      <p className="hint">Messages disappear after {lifetimeText(seconds)}.</p>
    );
  }
  // A back end may have set another time.
  const offered = LIFETIMES.includes(seconds) ? LIFETIMES : [...LIFETIMES, seconds];

  function set(disappearAfterSeconds: number | null) {
    session.groups
      .changeProfile(conversation.id, { disappearAfterSeconds })
      .then((outcome) => setFault(outcome.isDone ? null : outcome.reason))
      .catch(reportError);
  }

  return (
    <div className="stack">
      <Fault text={fault} />
      <label>
        Messages disappear
        <select
          value={seconds ?? ""}
          onChange={({ target }) => set(target.value === "" ? null : Number(target.value))}
        >
          {offered.map((each) => (
            <option key={each} value={each ?? ""}>
              {each === null ? "Off" : `After ${lifetimeText(each)}`}
            </option>
          ))}
        </select>
      </label>
      <p className="hint">For everyone in this chat, of what is sent from now on.</p>
    </div>
  );
}
