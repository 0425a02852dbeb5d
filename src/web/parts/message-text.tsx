import { memo } from "react";
import { type Link, textParts } from "../links.ts";
import { mentionParts } from "../mentions.ts";

export interface MessageTextProps {
  readonly text: string;
  /** Names of those whom it mentions, one a line. */
  readonly mentioned?: string;
}

/** A message's text: its links can be followed, who is mentioned stands out, and nothing is HTML. */
export const MessageText = memo(function MessageText({ text, mentioned = "" }: MessageTextProps) {
  const names = mentioned.split("\n");
  let end = 0;
  return textParts(text).map((part) => {
    const start = end;
    end += typeof part === "string" ? part.length : part.text.length;
    return typeof part === "string" ? (
      <Mentions key={start} text={part} names={names} />
    ) : (
      <SafeLink key={start} {...part} />
    );
  });
});

function Mentions({ text, names }: { readonly text: string; readonly names: readonly string[] }) {
  return mentionParts(text, names).map((part) =>
    typeof part === "string" ? (
      part
    ) : (
      <span key={part.start} className="mention">
        @{part.name}
      </span>
    ),
  );
}

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
