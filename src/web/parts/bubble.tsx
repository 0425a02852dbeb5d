import { memo } from "react";
import type { Message } from "../conversation.ts";
import type { FileLinks } from "../file-links.ts";
import { summaryOf } from "../files.ts";
import { momentLabel, timeOfDay } from "../times.ts";
import type { Attachment } from "../wire-files.ts";
import { Attachments } from "./attachments.tsx";
import { ClockIcon, MoreIcon, PinIcon } from "./icons.tsx";
import { MessageText } from "./message-text.tsx";
import { Quote } from "./quote.tsx";
import { Ticks } from "./ticks.tsx";

/** What a bubble is asked for. The same object for all of them, or all are drawn again. */
export interface BubbleActions {
  readonly onMenu: (key: string, anchor: HTMLElement) => void;
  readonly onFocus: (key: string) => void;
  readonly onPicture: (key: string, attachmentId: string) => void;
  readonly onDownload: (attachment: Attachment) => void;
  readonly onJump: (messageId: string) => void;
  /** null takes it back. */
  readonly onReact: (messageId: string, emoji: string | null) => void;
  readonly onVersions: (key: string) => void;
  readonly onRetry: (clientMessageId: string) => void;
  readonly onDiscard: (clientMessageId: string) => void;
}

export interface BubbleProps {
  readonly message: Message;
  readonly userId: string;
  readonly files: FileLinks;
  readonly startsRun: boolean;
  /** In a group; null elsewhere. */
  readonly senderName: string | null;
  /** The message that it answers; undefined: it is not at hand. */
  readonly quoted: Message | undefined;
  readonly quotedName: string;
  /** Names of those whom it mentions, one a line. */
  readonly mentioned: string;
  /** Names of those who reacted, as many lines as there are reactions. */
  readonly reactors: string;
  /** The Tab key gets to it. */
  readonly isTabStop: boolean;
  /** The reader was brought here. */
  readonly isTarget: boolean;
  readonly isMenuOpen: boolean;
  readonly actions: BubbleActions;
}

export const Bubble = memo(function Bubble(props: BubbleProps) {
  const { message, userId, startsRun, senderName, isTarget, actions } = props;
  const { key, clientMessageId, content, status, timestampMs, failure } = message;
  const { id, isEdited, isDeleted, isPinned, replyTo, expiresMs } = message;
  if (message.event !== null) {
    return (
      <li className="event" data-message-id={id}>
        {content}
      </li>
    );
  }
  const isMine = message.senderId === userId;
  const className = [
    ...["message", isMine ? "mine" : "theirs"],
    ...[startsRun ? "starts-run" : "", isTarget ? "is-target" : ""],
  ];
  return (
    <li
      className={className.filter((name) => name !== "").join(" ")}
      data-message-id={id}
      data-key={key}
    >
      <div className="bubble-line">
        <div className="bubble">
          {senderName !== null && startsRun && <span className="sender">{senderName}</span>}
          {replyTo !== null && !isDeleted && (
            <Quote
              message={props.quoted}
              name={props.quotedName}
              onJump={() => actions.onJump(replyTo)}
            />
          )}
          {isDeleted ? (
            <em className="content deleted">This message was deleted</em>
          ) : (
            <>
              <Attachments
                attachments={message.attachments}
                files={props.files}
                onPicture={(attachmentId) => actions.onPicture(key, attachmentId)}
                onDownload={actions.onDownload}
              />
              {content !== "" && (
                <span className="content" dir="auto">
                  <MessageText text={content} mentioned={props.mentioned} />
                </span>
              )}
            </>
          )}
          <span className="meta">
            {isPinned && (
              <span role="img" aria-label="Pinned" className="meta-mark">
                <PinIcon size={12} />
              </span>
            )}
            {expiresMs !== null && !isDeleted && (
              <span
                role="img"
                aria-label="Disappears"
                title={`Disappears ${momentLabel(expiresMs, Date.now())}`}
                className="meta-mark"
              >
                <ClockIcon size={12} />
              </span>
            )}
            {isEdited && !isDeleted && (
              <button
                type="button"
                className="edited"
                title="What it said before"
                onClick={() => actions.onVersions(key)}
              >
                edited
              </button>
            )}
            <time dateTime={new Date(timestampMs).toISOString()}>{timeOfDay(timestampMs)}</time>
            {isMine && <Ticks status={status} />}
          </span>
        </div>
        {id !== null && !isDeleted && <MenuOpener {...props} />}
      </div>
      <Reactions {...props} />
      {status === "FAILED" && clientMessageId !== null && (
        <p className="failure">
          <span>Not sent{failure === null ? "" : `: ${failure}`}</span>
          <button type="button" onClick={() => actions.onRetry(clientMessageId)}>
            Try again
          </button>
          <button type="button" onClick={() => actions.onDiscard(clientMessageId)}>
            Delete
          </button>
        </p>
      )}
    </li>
  );
});

function MenuOpener({ message, isTabStop, isMenuOpen, actions }: BubbleProps) {
  return (
    <button
      type="button"
      className="message-more"
      aria-label={`Message options: ${summaryOf(message).slice(0, 60)}`}
      aria-haspopup="menu"
      aria-expanded={isMenuOpen}
      tabIndex={isTabStop ? 0 : -1}
      onFocus={() => actions.onFocus(message.key)}
      onClick={({ currentTarget }) => actions.onMenu(message.key, currentTarget)}
    >
      <MoreIcon />
    </button>
  );
}

function Reactions({ message, userId, reactors, actions }: BubbleProps) {
  const { id, reactions } = message;
  if (reactions.length === 0 || id === null) return null;
  const names = reactors.split("\n");
  return (
    <ul className="reactions" aria-label="Reactions">
      {reactions.map(({ emoji, userIds }, index) => {
        const isMine = userIds.includes(userId);
        return (
          <li key={emoji}>
            <button
              type="button"
              title={names[index]}
              aria-pressed={isMine}
              aria-label={`${emoji} by ${names[index]}`}
              onClick={() => actions.onReact(id, isMine ? null : emoji)}
            >
              {emoji}
              {userIds.length > 1 && ` ${userIds.length}`}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
