import {
  type KeyboardEvent,
  type SyntheticEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { Message } from "../conversation.ts";
import { summaryOf } from "../files.ts";
import type { Nameable } from "../mentions.ts";
import type { People } from "../people.ts";
import { hindranceOf } from "../uploads.ts";
import { AttachButton, type Attaching, UploadList } from "./attaching.tsx";
import { EmojiGrid } from "./emoji-grid.tsx";
import { CheckIcon, CloseIcon, SendIcon, SmileIcon } from "./icons.tsx";
import { MentionList } from "./mention-list.tsx";
import { useDroppedFiles } from "./use-dropped-files.ts";
import { useMentionPicker } from "./use-mention-picker.ts";

/** What the field is for: a message, one that answers another, or the new text of one. */
export type Writing =
  | { readonly kind: "new" }
  | { readonly kind: "reply" | "edit"; readonly message: Message };

export interface ComposerProps {
  readonly title: string;
  readonly writing: Writing;
  /** Of the message that is answered. */
  readonly replyName: string;
  /** What was being written here before. */
  readonly draft: string;
  readonly onDraft: (text: string) => void;
  readonly onTyped: () => void;
  readonly onStopped: () => void;
  /** Whom it may mention. */
  readonly members: readonly Nameable[];
  readonly people: People;
  /** null: no files go with it. */
  readonly attaching: Attaching | null;
  /** With the ids of those who were picked. false: it was not taken, and stays in the field. */
  readonly onSend: (text: string, picked: ReadonlySet<string>) => boolean;
  /** A message of its own again. */
  readonly onCancel: () => void;
  /** The last message of one's own is to be edited. */
  readonly onEditLast: () => void;
}

export function Composer(props: ComposerProps) {
  const { title, writing, replyName, draft, onDraft, onTyped, onStopped, onSend, onCancel } = props;
  const { attaching } = props;
  const [text, setText] = useState(draft);
  const [showsEmoji, setShowsEmoji] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  /** null: the field has no focus. */
  const [caret, setCaret] = useState<number | null>(null);
  const picked = useRef(new Set<string>());
  const mentionsId = useId();
  const isEdit = writing.kind === "edit";
  // A name that stands there already is not being written.
  const offered = isEdit && text === draft ? [] : props.members;
  const mentions = useMentionPicker(offered, text, caret, ({ userId, name }, start) => {
    picked.current.add(userId);
    insert(`@${name} `, start);
  });
  const content = text.trim();
  const isEmpty = content === "" && !hasFiles(props);
  const hindrance = attaching === null ? null : hindranceOf(attaching.uploads);
  const [isHeld, setHeld] = useState(false);
  const isDropping = useDroppedFiles(attaching === null ? null : attach);

  useEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.setSelectionRange(element.value.length, element.value.length);
    if (writing.kind !== "new" || hasKeyboard()) element.focus();
  }, [writing]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight}px`;
  }, [text]);

  function write(written: string) {
    setText(written);
    setCaret(field.current?.selectionStart ?? written.length);
    mentions.reset();
    onDraft(written);
    if (written === "") onStopped();
    else onTyped();
  }

  /** In place of what is selected, or of what stands between `start` and the caret. */
  function insert(piece: string, start?: number) {
    const element = field.current;
    if (element === null) return;
    element.setRangeText(piece, start ?? element.selectionStart, element.selectionEnd, "end");
    write(element.value);
    setShowsEmoji(false);
    element.focus();
  }

  function attach(files: readonly File[]) {
    setHeld(false);
    attaching?.onAdd(files);
    if (hasKeyboard()) field.current?.focus();
  }

  function detach(key: string) {
    attaching?.onRemove(key);
    if (hasKeyboard()) field.current?.focus();
  }

  function send() {
    setHeld(hindrance !== null);
    if (isEmpty || hindrance !== null || !onSend(content, picked.current)) return;
    picked.current = new Set();
    setText("");
    onDraft("");
  }

  function onCaret({ currentTarget }: SyntheticEvent<HTMLTextAreaElement>) {
    setCaret(currentTarget.selectionStart);
  }

  function onKeyDown(event: KeyboardEvent) {
    // While an input method composes, its keys pick words.
    if (event.nativeEvent.isComposing) return;
    if (mentions.onKey(event)) {
      event.preventDefault();
    } else if (event.key === "Escape" && writing.kind !== "new") {
      event.preventDefault();
      onCancel();
    } else if (event.key === "ArrowUp" && text === "" && writing.kind === "new") {
      event.preventDefault();
      props.onEditLast();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    }
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {writing.kind !== "new" && (
        <div className="composer-bar">
          <div className="quote">
            <span className="quote-name">{isEdit ? "Edit message" : `Reply to ${replyName}`}</span>
            <span className="quote-text" dir="auto">
              {summaryOf(writing.message)}
            </span>
          </div>
          <button
            type="button"
            className="icon-button"
            aria-label={isEdit ? "Do not edit" : "Do not reply"}
            onClick={onCancel}
          >
            <CloseIcon />
          </button>
        </div>
      )}
      {attaching !== null && <UploadList {...attaching} onRemove={detach} />}
      {isHeld && hindrance !== null && (
        <p role="alert" className="hint held">
          {hindrance}
        </p>
      )}
      {isDropping && <p className="drop-hint">Drop files to send them to {title}</p>}
      {showsEmoji && <EmojiGrid label="Emoji" onPick={insert} />}
      {mentions.shown.length > 0 && (
        <MentionList
          id={mentionsId}
          members={mentions.shown}
          active={mentions.active}
          people={props.people}
          onPick={mentions.pick}
        />
      )}
      <div className="composer-row">
        <div className="composer-tools">
          <button
            type="button"
            className="icon-button"
            aria-label="Emoji"
            aria-expanded={showsEmoji}
            onClick={() => setShowsEmoji(!showsEmoji)}
          >
            <SmileIcon />
          </button>
          {attaching !== null && <AttachButton onFiles={attach} />}
        </div>
        <textarea
          ref={field}
          rows={1}
          aria-label={isEdit ? "New text of the message" : `Message to ${title}`}
          placeholder="Write a message"
          value={text}
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => {
            // What comes with text is a picture of that text.
            const files = [...event.clipboardData.files];
            if (attaching === null || files.length === 0) return;
            if (event.clipboardData.types.includes("text/plain")) return;
            event.preventDefault();
            attach(files);
          }}
          onFocus={onCaret}
          onSelect={onCaret}
          onBlur={() => {
            setCaret(null);
            onStopped();
          }}
          aria-autocomplete={props.members.length > 0 ? "list" : undefined}
          aria-controls={mentions.shown.length > 0 ? mentionsId : undefined}
          aria-activedescendant={
            mentions.shown.length > 0 ? `${mentionsId}-${mentions.active}` : undefined
          }
          dir="auto"
        />
        <button
          type="submit"
          className="send"
          aria-label={isEdit ? "Save" : "Send"}
          disabled={isEmpty}
        >
          {isEdit ? <CheckIcon /> : <SendIcon />}
        </button>
      </div>
    </form>
  );
}

/** Beside its text, to be sent or as they stay. */
function hasFiles({ attaching, writing }: Pick<ComposerProps, "attaching" | "writing">): boolean {
  const stay = writing.kind === "edit" && writing.message.attachments.length > 0;
  return stay || (attaching !== null && attaching.uploads.length > 0);
}

/** That of a touch screen would cover half of the chat, unless it is asked for. */
function hasKeyboard(): boolean {
  return matchMedia("(pointer: fine)").matches;
}
