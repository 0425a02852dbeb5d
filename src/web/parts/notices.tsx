import type { Notice } from "../state.ts";
import { CloseIcon } from "./icons.tsx";

export interface NoticesProps {
  readonly notices: readonly Notice[];
  readonly onDismiss: (id: number) => void;
}

export function Notices({ notices, onDismiss }: NoticesProps) {
  return (
    <div className="notices" role="status">
      {notices.map(({ id, text }) => (
        <p key={id} className="notice">
          <span>{text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => onDismiss(id)}>
            <CloseIcon />
          </button>
        </p>
      ))}
    </div>
  );
}
