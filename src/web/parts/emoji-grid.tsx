import { MORE_EMOJI, QUICK_EMOJI } from "./emoji.ts";

export interface EmojiGridProps {
  readonly label: string;
  readonly onPick: (emoji: string) => void;
}

export function EmojiGrid({ label, onPick }: EmojiGridProps) {
  return (
    <fieldset className="emoji-grid">
      <legend className="visually-hidden">{label}</legend>
      {[...QUICK_EMOJI, ...MORE_EMOJI].map((emoji) => (
        <button key={emoji} type="button" onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
    </fieldset>
  );
}
