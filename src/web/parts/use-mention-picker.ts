import { type KeyboardEvent, useState } from "react";
import { mentionStart, type Nameable, offered } from "../mentions.ts";

/** Who is offered while a name is typed behind an `@`, and which of them the keys have come to. */
export function useMentionPicker(
  members: readonly Nameable[],
  text: string,
  /** null: nobody is writing. */
  caret: number | null,
  onPick: (member: Nameable, start: number) => void,
) {
  const [chosen, setChosen] = useState(0);
  /** Where an `@` stands that is not meant so. */
  const [refusedAt, setRefusedAt] = useState<number | null>(null);
  const begun = members.length === 0 || caret === null ? null : mentionStart(text, caret);
  const shown = begun === null || begun.start === refusedAt ? [] : offered(members, begun.typed);
  const active = Math.min(chosen, shown.length - 1);

  function pick(member: Nameable) {
    if (begun !== null) onPick(member, begun.start);
    reset();
  }

  /** The text is another one. */
  function reset() {
    setChosen(0);
    setRefusedAt((at) => (at === begun?.start ? at : null));
  }

  /** true: the key was meant for what is offered. */
  function onKey({ key, shiftKey }: KeyboardEvent): boolean {
    const member = shown[active];
    if (member === undefined) return false;
    const count = shown.length;
    if (key === "ArrowDown") setChosen((active + 1) % count);
    else if (key === "ArrowUp") setChosen((active + count - 1) % count);
    else if (key === "Escape") setRefusedAt(begun?.start ?? null);
    else if ((key === "Enter" || key === "Tab") && !shiftKey) pick(member);
    else return false;
    return true;
  }

  return { shown, active, pick, reset, onKey };
}
