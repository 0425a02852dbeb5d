import { useEffect, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { InvitePreview } from "../wire-groups.ts";
import { Dialog, Fault } from "./dialog.tsx";

export interface JoinGroupProps {
  readonly session: ChatSession;
  readonly code: string;
  readonly onJoined: (conversationId: string) => void;
  readonly onClose: () => void;
}

/** Where a link leads to, and the way in. */
export function JoinGroup({ session, code, onJoined, onClose }: JoinGroupProps) {
  const [preview, setPreview] = useState<InvitePreview | null>(null);
  const [fault, setFault] = useState<string | null>(null);

  useEffect(() => {
    session.groups
      .preview(code)
      .then((outcome) => {
        if (outcome.isDone) setPreview(outcome.answer);
        else setFault(outcome.reason);
      })
      .catch(reportError);
  }, [session, code]);

  async function join() {
    const outcome = await session.groups.join(code);
    if (outcome.isDone) onJoined(outcome.answer);
    else setFault(outcome.reason);
  }

  return (
    <Dialog title="Join a group" onClose={onClose}>
      {preview !== null && (
        <p>
          You are invited to <strong>{preview.title ?? "a group"}</strong>, which has{" "}
          {preview.memberCount === 1 ? "1 member" : `${preview.memberCount} members`}.
        </p>
      )}
      <Fault text={fault} />
      <div className="dialog-actions">
        <button type="button" className="secondary" onClick={onClose}>
          Not now
        </button>
        <button
          type="button"
          className="primary"
          disabled={preview === null}
          onClick={() => join().catch(reportError)}
        >
          Join
        </button>
      </div>
    </Dialog>
  );
}
