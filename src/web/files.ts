import type { Attachment } from "./wire-files.ts";

/** The most files of a message. */
export const MOST_FILES = 10;

/** The longer side of a picture in a message, in pixels. */
const PICTURE_PX = 320;
/** Of a narrower one only its middle is shown. */
const SMALLEST_PX = 64;
const WIDEST_RATIO = 3;

const UNITS = ["kB", "MB", "GB"];

/** "1 byte", "820 bytes", "1.4 kB", "25 MB" */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  let size = bytes;
  let unit = "";
  for (const next of UNITS) {
    if (unit !== "" && size < 999.5) break;
    size /= 1_000;
    unit = next;
  }
  return `${size < 9.95 ? Number(size.toFixed(1)) : Math.round(size)} ${unit}`;
}

/** It is shown by its thumbnail. */
export function isPicture({ hasThumbnail, width, height }: Attachment): boolean {
  return hasThumbnail && width !== null && height !== null;
}

/** The room that a picture takes, before any of it has come: its width in pixels, and width by height. */
export function roomFor({ width, height }: Attachment): { width: number; ratio: number } {
  const [w, h] = [Math.max(1, width ?? 1), Math.max(1, height ?? 1)];
  const ratio = Math.min(WIDEST_RATIO, Math.max(1 / WIDEST_RATIO, w / h));
  const fitting = Math.round(Math.min(w, PICTURE_PX, PICTURE_PX * ratio));
  return { width: Math.max(SMALLEST_PX, fitting), ratio };
}

/** What a message says in one line: its text, or what it has instead. */
export function summaryOf(message: {
  readonly content: string;
  readonly attachments: readonly Attachment[];
}): string {
  const { content, attachments } = message;
  const [first] = attachments;
  if (content !== "" || first === undefined) return content;
  const arePictures = attachments.every(isPicture);
  if (attachments.length > 1) return `${attachments.length} ${arePictures ? "pictures" : "files"}`;
  return arePictures ? "Picture" : first.name;
}

/** As the server takes it: one line, without slashes. */
export function nameToSend(name: string): string {
  return name.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069/\\]/gu, "_").trim() || "file";
}
