import type { Message } from "../conversation.ts";
import { summaryOf } from "../files.ts";

export interface QuoteProps {
  /** undefined: it is not at hand. */
  readonly message: Message | undefined;
  readonly name: string;
  readonly onJump: () => void;
}

/** The message that another one answers. */
export function Quote({ message, name, onJump }: QuoteProps) {
  return (
    <button type="button" className="quote" onClick={onJump}>
      <span className="visually-hidden">In answer to </span>
      {message === undefined ? (
        <span className="quote-text">An earlier message</span>
      ) : (
        <>
          <span className="quote-name">{name}</span>
          <span className="quote-text" dir="auto">
            {message.isDeleted ? <em>This message was deleted</em> : summaryOf(message)}
          </span>
        </>
      )}
    </button>
  );
}
