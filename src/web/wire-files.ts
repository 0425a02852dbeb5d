import { Fields } from "./fields.ts";
import { plainText } from "./plain-text.ts";

/** A file of a message. */
export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Pixels; null: it is no picture, as far as the server knows. */
  readonly width: number | null;
  readonly height: number | null;
  readonly hasThumbnail: boolean;
}

/** Where a file is had for a while. */
export interface Links {
  readonly url: string;
  /** null: there is no thumbnail. */
  readonly thumbnailUrl: string | null;
  readonly expiresMs: number;
}

export function readAttachment(value: unknown): Attachment {
  const body = new Fields(value);
  return {
    id: body.text("id"),
    name: plainText(body.text("name")),
    type: body.text("type"),
    size: body.number("size"),
    width: body.optionalNumber("width"),
    height: body.optionalNumber("height"),
    hasThumbnail: body.flag("hasThumbnail"),
  };
}

export function readLinks(value: unknown): Links {
  const body = new Fields(value);
  return {
    url: body.text("url"),
    thumbnailUrl: body.optionalText("thumbnailUrl"),
    expiresMs: body.time("expiresAt"),
  };
}
