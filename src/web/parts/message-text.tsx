import { memo } from "react";
import { type Link, textParts } from "../links.ts";

/** A message's text: its links can be followed, and nothing in it is HTML. */
export const MessageText = memo(function MessageText({ text }: { readonly text: string }) {
  return textParts(text).map((part) =>
    typeof part === "string" ? part : <SafeLink key={part.start} {...part} />,
  );
});

function SafeLink({ text, href, host, isDoubtful }: Link) {
  return (
    <>
      <a
        href={href}
        dir="ltr"
        target="_blank"
        rel="noopener noreferrer nofollow"
        title={host === null ? undefined : `Leads to ${host}`}
      >
        {text}
      </a>
      {isDoubtful && <small className="link-host"> ({host})</small>}
    </>
  );
}
