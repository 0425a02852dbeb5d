import type { Session } from "../session/session.ts";
import { detached, detachedHead, type Frame, sizeOf } from "../stomp/frame.ts";

/** Kept for each session; the oldest gives way. */
const KEPT = 32;

/** What it takes to try again, and to answer. A frame may have headers for 128 KiB. */
const KEPT_HEADERS = ["destination", "id", "ack", "receipt"];

/**
 * SUBSCRIBE frames that were refused because their conversation is not there yet, or not for this
 * user: a front end opens the typing topic before the first message makes the conversation. They
 * are tried again when the user becomes a member.
 */
export class DormantSubscriptions {
  readonly #bySession = new Map<Session, { id: string; conversationId: string; frame: Frame }[]>();

  add(session: Session, conversationId: string, frame: Frame): void {
    const id = subscriptionIdOf(frame);
    const kept = this.#bySession.get(session) ?? [];
    const rest = kept.filter((dormant) => dormant.conversationId !== conversationId);
    const copy = detachedHead(frame, KEPT_HEADERS);
    rest.push({ id: detached(id), conversationId, frame: copy });
    this.#bySession.set(session, rest.slice(-KEPT));
  }

  /** The frames that wait for the conversation; forgets them. */
  take(session: Session, conversationId: string): Frame[] {
    const kept = this.#bySession.get(session);
    if (kept === undefined) return [];
    const taken = kept.filter((dormant) => dormant.conversationId === conversationId);
    if (taken.length === 0) return [];
    this.#keep(
      session,
      kept.filter((dormant) => dormant.conversationId !== conversationId),
    );
    return taken.map((dormant) => dormant.frame);
  }

  /** The client has unsubscribed. */
  remove(session: Session, id: string): void {
    const kept = this.#bySession.get(session);
    if (kept === undefined) return;
    this.#keep(
      session,
      kept.filter((dormant) => dormant.id !== id),
    );
  }

  /** The client uses the frame's id for something else: tried again, the old one would collide. */
  supersede(session: Session, frame: Frame): void {
    if (this.#bySession.has(session)) this.remove(session, subscriptionIdOf(frame));
  }

  heldBytes(session: Session): number {
    if (this.#bySession.size === 0) return 0;
    let bytes = 0;
    for (const { frame } of this.#bySession.get(session) ?? []) bytes += sizeOf(frame);
    return bytes;
  }

  removeAll(session: Session): void {
    this.#bySession.delete(session);
  }

  #keep(session: Session, rest: { id: string; conversationId: string; frame: Frame }[]): void {
    if (rest.length === 0) this.#bySession.delete(session);
    else this.#bySession.set(session, rest);
  }
}

function subscriptionIdOf(frame: Frame): string {
  return frame.header("id") ?? frame.header("destination") ?? "";
}
