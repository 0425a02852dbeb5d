import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { SendIcon } from "./icons.tsx";

export interface ComposerProps {
  readonly title: string;
  /** What was being written here before. */
  readonly draft: string;
  readonly onDraft: (text: string) => void;
  readonly onTyped: () => void;
  readonly onStopped: () => void;
  /** false: it was not taken, and stays in the field. */
  readonly onSend: (text: string) => boolean;
}

export function Composer({ title, draft, onDraft, onTyped, onStopped, onSend }: ComposerProps) {
  const [text, setText] = useState(draft);
  const field = useRef<HTMLTextAreaElement>(null);
  const content = text.trim();

  // A touch screen's keyboard would cover half of the chat.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  function write(written: string) {
    setText(written);
    onDraft(written);
    if (written === "") onStopped();
    else onTyped();
  }

  function send() {
    if (content === "" || !onSend(content)) return;
    setText("");
    onDraft("");
  }

  function onKeyDown(event: KeyboardEvent) {
    // While an input method composes, Enter picks a word.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={field}
        rows={1}
        aria-label={`Message to ${title}`}
        placeholder="Write a message"
        value={text}
        onChange={(event) => write(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={onStopped}
      />
      <button type="submit" className="send" aria-label="Send" disabled={content === ""}>
        <SendIcon />
      </button>
    </form>
  );
}
