import { useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Conversation } from "../conversation.ts";
import { summaryOf } from "../files.ts";
import { mayPin } from "../permissions.ts";
import { nameOf, type State } from "../state.ts";
import { Dialog } from "./dialog.tsx";
import { PinIcon } from "./icons.tsx";

export interface PinnedBarProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
}

/** The message that was pinned last, and the way to the others. */
export function PinnedBar({ session, state, conversation }: PinnedBarProps) {
  const [showsAll, setShowsAll] = useState(false);
  const { id, pins } = conversation;
  const [last] = pins;
  if (last === undefined) return null;
  const jumpTo = (pin: typeof last) => session.messages.jumpTo(id, pin.id, pin.seq);
  return (
    <section className="pinned-bar" aria-label="Pinned messages">
      <button type="button" className="pinned-last" onClick={() => jumpTo(last)}>
        <PinIcon size={16} />
        <span className="pinned-text" dir="auto">
          <strong>{nameOf(state, last.senderId)}:</strong> {summaryOf(last)}
        </span>
      </button>
      <button type="button" className="link-button" onClick={() => setShowsAll(true)}>
        {pins.length === 1 ? "Show" : `All ${pins.length}`}
        <span className="visually-hidden"> pinned messages</span>
      </button>
      {showsAll && (
        <Dialog title="Pinned messages" onClose={() => setShowsAll(false)}>
          <ul className="pins">
            {pins.map((pin) => (
              <li key={pin.id}>
                <button
                  type="button"
                  className="quote"
                  onClick={() => {
                    setShowsAll(false);
                    jumpTo(pin);
                  }}
                >
                  <span className="quote-name">{nameOf(state, pin.senderId)}</span>
                  <span className="quote-text" dir="auto">
                    {summaryOf(pin)}
                  </span>
                </button>
                {mayPin(conversation) && (
                  <button
                    type="button"
                    className="link-button"
                    onClick={() => session.messages.pin(pin.id, false)}
                  >
                    Unpin
                  </button>
                )}
              </li>
            ))}
          </ul>
        </Dialog>
      )}
    </section>
  );
}
