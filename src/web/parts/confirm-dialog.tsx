import { useState } from "react";
import type { Outcome } from "../attempts.ts";
import { Dialog, Fault } from "./dialog.tsx";

export interface ConfirmDialogProps {
  readonly title: string;
  readonly text: string;
  /** What is done, on the button that does it. */
  readonly action: string;
  readonly onConfirm: () => Promise<Outcome<unknown>>;
  /** Also when it is done. */
  readonly onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { title, text, action, onConfirm, onClose } = props;
  const [fault, setFault] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function confirm() {
    setBusy(true);
    const outcome = await onConfirm();
    setBusy(false);
    if (outcome.isDone) onClose();
    else setFault(outcome.reason);
  }

  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <Fault text={fault} />
      <div className="dialog-actions">
        <button type="button" className="secondary" data-first onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          className="primary danger"
          disabled={isBusy}
          onClick={() => confirm().catch(reportError)}
        >
          {action}
        </button>
      </div>
    </Dialog>
  );
}
