import { useEffect, useState } from "react";
import type { ChatSession } from "../chat-session.ts";
import type { Message } from "../conversation.ts";
import { momentLabel } from "../times.ts";
import type { Version } from "../wire-groups.ts";
import { Dialog, Fault } from "./dialog.tsx";
import { MessageText } from "./message-text.tsx";

export interface VersionsDialogProps {
  readonly session: ChatSession;
  readonly message: Message;
  readonly onClose: () => void;
}

/** What a message said before its edits. */
export function VersionsDialog({ session, message, onClose }: VersionsDialogProps) {
  const [versions, setVersions] = useState<readonly Version[] | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const { id, content } = message;

  useEffect(() => {
    if (id === null) return;
    let isStale = false;
    session.messages
      .versions(id)
      .then((outcome) => {
        if (isStale) return;
        if (outcome.isDone) setVersions(outcome.answer);
        else setFault(outcome.reason);
      })
      .catch(reportError);
    return () => {
      isStale = true;
    };
  }, [session, id]);

  return (
    <Dialog title="Edits of this message" onClose={onClose}>
      <Fault text={fault} />
      <ol className="versions" aria-busy={versions === null && fault === null}>
        {versions?.map((version) => (
          <li key={version.replacedMs}>
            <p className="content" dir="auto">
              <MessageText text={version.content} />
            </p>
            <small>until {momentLabel(version.replacedMs, Date.now())}</small>
          </li>
        ))}
        <li>
          <p className="content" dir="auto">
            <MessageText text={content} />
          </p>
          <small>now</small>
        </li>
      </ol>
    </Dialog>
  );
}
