import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Message } from "../conversation.ts";

/** This close to an edge counts as being there. */
const EDGE_PX = 48;
/** Older messages are asked for before the reader reaches the top. */
const NEAR_TOP_PX = 240;

export interface StickyScrollOptions {
  readonly messages: readonly Message[];
  readonly userId: string;
  /** The reader is near the top, or there is not enough to scroll. */
  readonly onTop: () => void;
}

export interface StickyScroll {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly onScroll: () => void;
  readonly isAtEnd: boolean;
  readonly toEnd: () => void;
  /** The reader is elsewhere now. */
  readonly release: () => void;
}

/**
 * Keeps the newest message in sight unless the reader has scrolled up; then keeps what is being
 * read where it is, also when older messages are put above it.
 */
export function useStickyScroll({ messages, userId, onTop }: StickyScrollOptions): StickyScroll {
  const box = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const sticks = useRef(true);
  const before = useRef<{ first: string | null; last: string | null; height: number }>({
    ...{ first: null, last: null, height: 0 },
  });

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const first = messages[0]?.key ?? null;
    const last = messages.at(-1) ?? null;
    const wasWrittenHere =
      last !== null &&
      last.key !== before.current.last &&
      last.senderId === userId &&
      last.status === "SENDING";
    if (wasWrittenHere) sticks.current = true;
    if (sticks.current) {
      element.scrollTop = element.scrollHeight;
    } else if (first !== before.current.first) {
      element.scrollTop += element.scrollHeight - before.current.height;
    }
    before.current = { first, last: last?.key ?? null, height: element.scrollHeight };
  }, [messages, userId]);

  // Every time: loading stops only when there is enough, or nothing older.
  useEffect(() => {
    if (box.current !== null && box.current.scrollTop < NEAR_TOP_PX) onTop();
  });

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const resized = new ResizeObserver(() => {
      if (sticks.current) element.scrollTop = element.scrollHeight;
    });
    resized.observe(element);
    return () => resized.disconnect();
  }, []);

  function onScroll() {
    const element = box.current;
    if (element === null) return;
    const { scrollHeight, scrollTop, clientHeight } = element;
    sticks.current = scrollHeight - scrollTop - clientHeight < EDGE_PX;
    setAtEnd(sticks.current);
    if (scrollTop < NEAR_TOP_PX) onTop();
  }

  function toEnd() {
    box.current?.scrollTo({ top: box.current.scrollHeight, behavior: "smooth" });
  }

  function release() {
    sticks.current = false;
  }

  return { box, onScroll, isAtEnd, toEnd, release };
}
