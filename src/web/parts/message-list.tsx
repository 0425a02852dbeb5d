import { Fragment, useMemo } from "react";
import type { ChatSession } from "../chat-session.ts";
import { type Conversation, hasOlder, shownMessages } from "../conversation.ts";
import { groupByDay } from "../grouping.ts";
import { nameOf, type State } from "../state.ts";
import { dayLabel } from "../times.ts";
import { titleOf } from "../views.ts";
import { Bubble } from "./bubble.tsx";
import { DownIcon } from "./icons.tsx";
import { useStickyScroll } from "./use-sticky-scroll.ts";

export interface MessageListProps {
  readonly session: ChatSession;
  readonly state: State;
  readonly conversation: Conversation;
}

export function MessageList({ session, state, conversation }: MessageListProps) {
  const { id, kind, newFromSeq, isLoaded, isLoadingOlder } = conversation;
  // The same list for the same messages: another one would be scrolled to its end.
  const messages = useMemo(() => shownMessages(conversation.messages), [conversation.messages]);
  const { userId } = state;
  const title = titleOf(state, conversation);
  const days = groupByDay(messages, userId, newFromSeq);
  const { box, onScroll, isAtEnd, toEnd } = useStickyScroll({
    messages,
    userId,
    onTop: () => session.loadOlder(id),
  });
  return (
    <div className="messages">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it */}
      <div className="scroller" ref={box} onScroll={onScroll} tabIndex={0}>
        <div
          className="log"
          role="log"
          aria-label={`Messages with ${title}`}
          aria-busy={isLoadingOlder || !isLoaded}
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
                {day.messages.map(({ message, startsRun, startsUnread }) => (
                  <Fragment key={message.key}>
                    {startsUnread && <li className="unread-mark">New messages</li>}
                    <Bubble
                      message={message}
                      isMine={message.senderId === userId}
                      startsRun={startsRun}
                      senderName={
                        kind === "group" && message.senderId !== userId
                          ? nameOf(state, message.senderId)
                          : null
                      }
                      onRetry={session.retry}
                      onDiscard={session.discard}
                    />
                  </Fragment>
                ))}
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
    </div>
  );
}
