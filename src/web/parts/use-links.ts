import { useCallback, useRef, useState } from "react";
import type { Outcome } from "../attempts.ts";
import type { FileLinks } from "../file-links.ts";
import type { Links } from "../wire-files.ts";

export interface AskedLinks {
  /** null: not asked for, or not answered yet. */
  readonly outcome: Outcome<Links> | null;
  readonly ask: () => void;
  /** The browser could not show what they lead to: others are asked for, once. */
  readonly renew: () => void;
}

/** Where a picture is had. */
export function useLinks(files: FileLinks, id: string): AskedLinks {
  const [outcome, setOutcome] = useState<Outcome<Links> | null>(null);
  const isRenewed = useRef(false);

  const ask = useCallback(() => {
    isRenewed.current = false;
    files.of(id).then(setOutcome).catch(reportError);
  }, [files, id]);

  const renew = useCallback(() => {
    if (isRenewed.current) {
      setOutcome({ isDone: false, reason: "This picture cannot be shown.", isFinal: true });
      return;
    }
    isRenewed.current = true;
    files.renew(id).then(setOutcome).catch(reportError);
  }, [files, id]);

  return { outcome, ask, renew };
}
