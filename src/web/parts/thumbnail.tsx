import { useEffect, useRef } from "react";
import type { FileLinks } from "../file-links.ts";
import { useLinks } from "./use-links.ts";

export interface ThumbnailProps {
  readonly files: FileLinks;
  readonly id: string;
}

/** This far from being seen it is asked for. */
const AHEAD = "400px 0px";

/** A picture of a file, asked for when it comes into view. */
export function Thumbnail({ files, id }: ThumbnailProps) {
  const box = useRef<HTMLSpanElement>(null);
  const isShown = useRef(false);
  const { outcome, ask, renew } = useLinks(files, id);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const onSight = (entries: readonly IntersectionObserverEntry[]) => {
      if (!isShown.current && entries.at(-1)?.isIntersecting === true) ask();
    };
    const root = element.closest(".scroller");
    const observer = new IntersectionObserver(onSight, { root, rootMargin: AHEAD });
    observer.observe(element);
    return () => observer.disconnect();
  }, [ask]);

  const address = outcome?.isDone === true ? outcome.answer.thumbnailUrl : null;
  return (
    <span ref={box} className="thumbnail">
      {address !== null && (
        <img
          src={address}
          alt=""
          draggable={false}
          onLoad={() => {
            isShown.current = true;
          }}
          onError={renew}
        />
      )}
      {outcome?.isDone === false && <small className="thumbnail-fault">{outcome.reason}</small>}
    </span>
  );
}
