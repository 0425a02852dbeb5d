import { Fragment, type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, hasOlder, type Message, shownMessages } from "../conversation.ts";
import { groupByDay } from "../grouping.ts";
import { isSaid } from "../permissions.ts";
import { nameOf, type State } from "../state.ts";
import { dayLabel } from "../times.ts";
import { titleOf } from "../views.ts";
import { Bubble, type BubbleActions } from "./bubble.tsx";
import { ConfirmDialog } from "./confirm-dialog.tsx";
import { DownIcon } from "./icons.tsx";
import { MessageMenu } from "./message-menu.tsx";
import { PictureDialog } from "./picture-dialog.tsx";
import { ReactionDialog } from "./reaction-dialog.tsx";
import { saveFile } from "./save-file.ts";
import { useJump } from "./use-jump.ts";
import { useLongPress } from "./use-long-press.ts";
import { useStickyScroll } from "./use-sticky-scroll.ts";
import { VersionsDialog } from "./versions-dialog.tsx";

export interface MessageListProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
  readonly onReply: (message: Message) => void;
  readonly onEdit: (message: Message) => void;
}

/** What lies over the list. */
type Overlay =
  | { readonly kind: "menu"; readonly key: string; readonly anchor: HTMLElement }
  | { readonly kind: "picture"; readonly key: string; readonly attachmentId: string }
  | { readonly kind: "delete" | "react" | "versions"; readonly key: string };

export function MessageList(props: MessageListProps) {
  const { session, state, conversation, onReply, onEdit } = props;
  const { id, kind, newFromSeq, isLoaded, isLoadingOlder } = conversation;
  // The same list for the same messages: another one would be scrolled to its end.
  const messages = useMemo(() => shownMessages(conversation.messages), [conversation.messages]);
  const byId = useMemo(() => new Map(messages.map((each) => [each.id, each])), [messages]);
  const { userId } = state;
  const title = titleOf(state, conversation);
  const days = groupByDay(messages, userId, newFromSeq);
  const { box, onScroll, isAtEnd, toEnd, release } = useStickyScroll({
    messages,
    userId,
    onTop: () => session.loadOlder(id),
  });
  const targetId = useJump(state.jump, id, box, release);
  const [overlay, setOverlay] = useState<Overlay | null>(null);
  const [focusedKey, setFocusedKey] = useState<string | null>(null);
  const tabStop = tabStopIn(messages, focusedKey);
  const log = useRef<HTMLDivElement>(null);

  const actions = useMemo(
    (): BubbleActions => ({
      onMenu: (key, anchor) =>
        setOverlay((shown) => (shown?.kind === "menu" ? null : { kind: "menu", key, anchor })),
      onFocus: setFocusedKey,
      onPicture: (key, attachmentId) => setOverlay({ kind: "picture", key, attachmentId }),
      onDownload: (attachment) => saveFile(session, attachment),
      onJump: (messageId) => session.messages.jumpTo(id, messageId),
      onReact: session.messages.react,
      onVersions: (key) => setOverlay({ kind: "versions", key }),
      onRetry: session.retry,
      onDiscard: session.discard,
    }),
    [session, id],
  );
  const longPress = useLongPress((target) => {
    const opener = target.closest(".message")?.querySelector<HTMLElement>(".message-more");
    const key = opener?.closest("[data-key]")?.getAttribute("data-key") ?? null;
    if (opener && key !== null) setOverlay({ kind: "menu", key, anchor: opener });
  });

  /** From message to message. */
  function onKeyDown(event: KeyboardEvent) {
    const openers = [...(log.current?.querySelectorAll<HTMLElement>(".message-more") ?? [])];
    const index = openers.findIndex((opener) => opener.matches(":focus"));
    const next = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: openers.length - 1 };
    const to = Object.entries(next).find(([key]) => key === event.key)?.[1];
    if (index < 0 || to === undefined) return;
    event.preventDefault();
    openers[to]?.focus();
  }

  const close = () => setOverlay(null);
  const subject = overlay && messages.find(({ key }) => key === overlay.key);
  const subjectId = subject?.id ?? null;
  const picture =
    overlay?.kind === "picture"
      ? subject?.attachments.find((attachment) => attachment.id === overlay.attachmentId)
      : undefined;
  return (
    <div className="messages">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <div className="scroller" ref={box} onScroll={onScroll} tabIndex={0}>
        <div
          ref={log}
          className="log"
          role="log"
          aria-label={`Messages with ${title}`}
          aria-busy={isLoadingOlder || !isLoaded}
          onKeyDown={onKeyDown}
          {...longPress}
        >
          {hasOlder(conversation) && <p className="system">Loading earlier messages…</p>}
          {isLoaded && messages.length === 0 && (
            <p className="system">Say hello: this is the beginning of your chat with {title}.</p>
          )}
          {days.map((day) => (
            <section key={day.startMs} aria-label={dayLabel(day.startMs, Date.now())}>
              <p className="day" aria-hidden="true">
                {dayLabel(day.startMs, Date.now())}
              </p>
              <ol>
                {day.messages.map(({ message, startsRun, startsUnread }) => {
                  const isOthers = kind === "group" && message.senderId !== userId;
                  const quoted = message.replyTo === null ? undefined : byId.get(message.replyTo);
                  return (
                    <Fragment key={message.key}>
                      {startsUnread && <li className="unread-mark">New messages</li>}
                      <Bubble
                        {...{ message, userId, startsRun, quoted, actions }}
                        files={session.files}
                        senderName={isOthers ? nameOf(state, message.senderId) : null}
                        quotedName={quoted === undefined ? "" : youOr(state, quoted.senderId)}
                        mentioned={message.mentions
                          .flatMap((each) => [nameOf(state, each), each])
                          .join("\n")}
                        reactors={message.reactions
                          .map(({ userIds }) =>
                            userIds.map((each) => youOr(state, each)).join(", "),
                          )
                          .join("\n")}
                        isTabStop={message.key === tabStop}
                        isTarget={message.id !== null && message.id === targetId}
                        isMenuOpen={overlay?.kind === "menu" && overlay.key === message.key}
                      />
                    </Fragment>
                  );
                })}
              </ol>
            </section>
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button
          type="button"
          className="to-end"
          aria-label="Go to the newest message"
          onClick={toEnd}
        >
          <DownIcon />
        </button>
      )}
      {overlay?.kind === "menu" && subject && isSaid(subject) && (
        <MessageMenu
          {...{ session, userId, conversation, onReply, onEdit }}
          message={subject}
          anchor={overlay.anchor}
          onDelete={({ key }) => setOverlay({ kind: "delete", key })}
          onReact={({ key }) => setOverlay({ kind: "react", key })}
          onClose={close}
        />
      )}
      {overlay?.kind === "delete" && subjectId !== null && (
        <ConfirmDialog
          title="Delete this message?"
          text="It is deleted for everyone in this chat, and cannot be had back."
          action="Delete"
          onConfirm={() => session.messages.delete(subjectId)}
          onClose={close}
        />
      )}
      {overlay?.kind === "react" && subjectId !== null && (
        <ReactionDialog
          onReact={(emoji) => session.messages.react(subjectId, emoji)}
          onClose={close}
        />
      )}
      {picture && <PictureDialog {...{ session, picture }} onClose={close} />}
      {overlay?.kind === "versions" && subject && (
        <VersionsDialog session={session} message={subject} onClose={close} />
      )}
    </div>
  );
}

/** The one that was focused last, or else the last one. */
function tabStopIn(messages: readonly Message[], focusedKey: string | null): string | null {
  const found =
    messages.find((message) => message.key === focusedKey && isSaid(message)) ??
    messages.findLast(isSaid);
  return found?.key ?? null;
}

function youOr(state: State, userId: string): string {
  return userId === state.userId ? "You" : nameOf(state, userId);
}
