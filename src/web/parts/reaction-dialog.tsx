import { type FormEvent, useState } from "react";
import { Dialog, Fault } from "./dialog.tsx";
import { isReaction } from "./emoji.ts";
import { EmojiGrid } from "./emoji-grid.tsx";

export interface ReactionDialogProps {
  readonly onReact: (emoji: string) => void;
  readonly onClose: () => void;
}

/** Any emoji there is. */
export function ReactionDialog({ onReact, onClose }: ReactionDialogProps) {
  const [text, setText] = useState("");
  const [fault, setFault] = useState<string | null>(null);

  function pick(emoji: string) {
    onReact(emoji);
    onClose();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    const emoji = text.trim();
    if (isReaction(emoji)) pick(emoji);
    else setFault("A reaction is an emoji, or a short name of one without spaces.");
  }

  return (
    <Dialog title="React" onClose={onClose}>
      <EmojiGrid label="Emoji" onPick={pick} />
      <Fault text={fault} />
      <form className="inline-form" onSubmit={submit}>
        <input
          aria-label="Another emoji"
          placeholder="Or type any other"
          value={text}
          onChange={(event) => setText(event.target.value)}
          autoComplete="off"
        />
        <button type="submit" className="primary">
          React
        </button>
      </form>
    </Dialog>
  );
}
