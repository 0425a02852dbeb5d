import { Fields, MalformedBody, readList } from "./fields.ts";
import { plainText } from "./plain-text.ts";
import { readMessage, type WireMessage } from "./wire.ts";

/** A message that was found, and of its text a part with the words. */
export interface Found {
  readonly message: WireMessage;
  /** Together they are the part. */
  readonly excerpt: readonly ExcerptPart[];
}

export interface ExcerptPart {
  /** Where in the excerpt it begins. */
  readonly start: number;
  readonly text: string;
  /** It is what was looked for. */
  readonly isHit: boolean;
}

export interface FoundPage {
  readonly found: readonly Found[];
  /** The `cursor` of the next page; null: there is none. */
  readonly next: string | null;
}

export function readFoundPage(value: unknown): FoundPage {
  return {
    found: readList(value, "results", readFound),
    next: new Fields(value).optionalText("next"),
  };
}

function readFound(value: unknown): Found {
  const body = new Fields(value);
  const excerpt = new Fields(body.field("excerpt"));
  const highlights = excerpt.list("highlights").map(readRange);
  return {
    message: readMessage(body.field("message")),
    excerpt: excerptParts(excerpt.text("text"), highlights),
  };
}

function readRange(value: unknown): readonly [number, number] {
  const [start, end]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof start === "number" && typeof end === "number") return [start, end];
  throw new MalformedBody("A highlight is not a range");
}

/** The ranges count UTF-16 code units of the text as it came, and so before `plainText`. */
function excerptParts(
  text: string,
  highlights: readonly (readonly [number, number])[],
): ExcerptPart[] {
  const parts: ExcerptPart[] = [];
  let end = 0;
  const take = (until: number, isHit: boolean) => {
    if (until <= end) return;
    parts.push({ start: end, text: plainText(text.slice(end, until)), isHit });
    end = until;
  };
  for (const [start, until] of highlights) {
    take(start, false);
    take(until, true);
  }
  take(text.length, false);
  return parts;
}
