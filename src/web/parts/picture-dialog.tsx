import { useEffect } from "react";
import type { ChatSession } from "../chat-session.ts";
import { sizeText } from "../files.ts";
import type { Attachment } from "../wire-files.ts";
import { Dialog, Fault } from "./dialog.tsx";
import { saveFile } from "./save-file.ts";
import { useLinks } from "./use-links.ts";

export interface PictureDialogProps {
  readonly session: ChatSession;
  readonly picture: Attachment;
  readonly onClose: () => void;
}

/** The whole picture. */
export function PictureDialog({ session, picture, onClose }: PictureDialogProps) {
  const { id, name, size, width, height } = picture;
  const { outcome, ask, renew } = useLinks(session.files, id);
  useEffect(ask, [ask]);

  return (
    <Dialog title={name} onClose={onClose}>
      <Fault text={outcome?.isDone === false ? outcome.reason : null} />
      {outcome?.isDone !== false && (
        <img
          className="full-picture"
          src={outcome?.answer.url}
          alt={name}
          width={width ?? undefined}
          height={height ?? undefined}
          draggable={false}
          onError={renew}
        />
      )}
      <div className="dialog-actions">
        <button type="button" className="secondary" onClick={() => saveFile(session, picture)}>
          Download ({sizeText(size)})
        </button>
      </div>
    </Dialog>
  );
}
