import { type MouseEvent, type PointerEvent, useRef } from "react";

const LONG_PRESS_MS = 450;
/** Past it the finger scrolls. */
const SLACK_PX = 10;

/**
 * Handlers for an element in which a finger is held on something. A mouse has other ways; on a link the
 * browser's own menu opens.
 */
export function useLongPress(onLongPress: (target: Element) => void) {
  const press = useRef<{ x: number; y: number; timer: number } | null>(null);
  const isHeld = useRef(false);

  function end() {
    if (press.current !== null) clearTimeout(press.current.timer);
    press.current = null;
  }

  function onPointerDown({ pointerType, target, clientX, clientY }: PointerEvent) {
    end();
    isHeld.current = false;
    if (pointerType === "mouse" || !(target instanceof Element) || target.closest("a")) return;
    const timer = window.setTimeout(() => {
      press.current = null;
      isHeld.current = true;
      onLongPress(target);
    }, LONG_PRESS_MS);
    press.current = { x: clientX, y: clientY, timer };
  }

  function onPointerMove({ clientX, clientY }: PointerEvent) {
    if (press.current === null) return;
    const { x, y } = press.current;
    if (Math.hypot(clientX - x, clientY - y) > SLACK_PX) end();
  }

  /** The click that follows comes soon, or not at all. */
  function onPointerUp() {
    end();
    setTimeout(() => {
      isHeld.current = false;
    }, LONG_PRESS_MS);
  }

  /** What would follow from the finger's leaving. */
  function onClickCapture(event: MouseEvent) {
    if (!isHeld.current) return;
    isHeld.current = false;
    event.preventDefault();
    event.stopPropagation();
  }

  function onContextMenu(event: MouseEvent) {
    if (press.current !== null || isHeld.current) event.preventDefault();
  }

  return {
    ...{ onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp },
    ...{ onClickCapture, onContextMenu },
  };
}
