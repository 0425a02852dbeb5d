import { type RefObject, useLayoutEffect, useState } from "react";
import type { Jump } from "../state.ts";

const SHOWN_MS = 2_500;

/**
 * Brings the reader to the message of the jump, if it is one of this conversation. The id of the
 * message, for as long as it stands out.
 */
export function useJump(
  jump: Jump | null,
  conversationId: string,
  box: RefObject<HTMLElement | null>,
  /** The newest message need not stay in sight. */
  release: () => void,
): string | null {
  const [targetId, setTargetId] = useState<string | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each jump
  useLayoutEffect(() => {
    if (jump?.conversationId !== conversationId) return;
    const rows = box.current?.querySelectorAll<HTMLElement>("[data-message-id]") ?? [];
    const row = [...rows].find(({ dataset }) => dataset.messageId === jump.messageId);
    if (row === undefined) return;
    release();
    row.scrollIntoView({ block: "center" });
    row.querySelector<HTMLElement>(".message-more")?.focus({ preventScroll: true });
    setTargetId(jump.messageId);
    const timer = setTimeout(() => setTargetId(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [jump?.id]);

  return targetId;
}
