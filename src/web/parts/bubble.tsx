import { memo } from "react";
import type { Message } from "../conversation.ts";
import { timeOfDay } from "../times.ts";
import { Ticks } from "./ticks.tsx";

export interface BubbleProps {
  readonly message: Message;
  readonly isMine: boolean;
  readonly startsRun: boolean;
  /** In a group; null elsewhere. */
  readonly senderName: string | null;
  readonly onRetry: (clientMessageId: string) => void;
  readonly onDiscard: (clientMessageId: string) => void;
}

export const Bubble = memo(function Bubble(props: BubbleProps) {
  const { message, isMine, startsRun, senderName, onRetry, onDiscard } = props;
  const { clientMessageId, content, status, timestampMs, failure } = message;
  const { isEdited, isDeleted, reactions } = message;
  if (message.event !== null) return <li className="event">{content}</li>;
  const side = isMine ? "mine" : "theirs";
  return (
    <li className={`message ${side}${startsRun ? " starts-run" : ""}`}>
      <div className="bubble">
        {senderName !== null && startsRun && <span className="sender">{senderName}</span>}
        {isDeleted ? (
          <em className="content deleted">This message was deleted</em>
        ) : (
          <span className="content">{content}</span>
        )}
        <span className="meta">
          {isEdited && !isDeleted && <span>edited</span>}
          <time dateTime={new Date(timestampMs).toISOString()}>{timeOfDay(timestampMs)}</time>
          {isMine && <Ticks status={status} />}
        </span>
      </div>
      {reactions.length > 0 && (
        <ul className="reactions" aria-label="Reactions">
          {reactions.map(({ emoji, userIds }) => (
            <li key={emoji} title={userIds.join(", ")}>
              {emoji}
              {userIds.length > 1 && ` ${userIds.length}`}
            </li>
          ))}
        </ul>
      )}
      {status === "FAILED" && clientMessageId !== null && (
        <p className="failure">
          <span>Not sent{failure === null ? "" : `: ${failure}`}</span>
          <button type="button" onClick={() => onRetry(clientMessageId)}>
            Try again
          </button>
          <button type="button" onClick={() => onDiscard(clientMessageId)}>
            Delete
          </button>
        </p>
      )}
    </li>
  );
});
