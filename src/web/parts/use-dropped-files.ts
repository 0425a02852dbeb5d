import { useEffect, useRef, useState } from "react";

/**
 * Takes files that are dropped anywhere on the page, which would be left for them otherwise; true: some
 * are held over it. null: they are taken and put away.
 */
export function useDroppedFiles(onFiles: ((files: readonly File[]) => void) | null): boolean {
  const [isOver, setOver] = useState(false);
  const taker = useRef(onFiles);
  taker.current = onFiles;

  useEffect(() => {
    // A picture of the page's own comes as a file too.
    let isOwn = false;
    const hasFiles = ({ dataTransfer }: DragEvent) =>
      !isOwn && dataTransfer?.types.includes("Files") === true;
    const onDrag = (event: DragEvent) => {
      if (event.dataTransfer === null || !hasFiles(event)) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = taker.current === null ? "none" : "copy";
      setOver(true);
    };
    const onLeave = ({ relatedTarget }: DragEvent) => {
      if (relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      setOver(false);
      if (event.dataTransfer === null || !hasFiles(event)) return;
      event.preventDefault();
      const files = [...event.dataTransfer.files];
      if (files.length > 0) taker.current?.(files);
    };
    const listening = new AbortController();
    const { signal } = listening;
    const onOwn = ({ type }: DragEvent) => {
      isOwn = type === "dragstart";
    };
    addEventListener("dragstart", onOwn, { signal });
    addEventListener("dragend", onOwn, { signal });
    addEventListener("dragenter", onDrag, { signal });
    addEventListener("dragover", onDrag, { signal });
    addEventListener("dragleave", onLeave, { signal });
    addEventListener("drop", onDrop, { signal });
    return () => listening.abort();
  }, []);

  return isOver && onFiles !== null;
}
