import { z } from "zod";
import { choice, delayMs, integer, list, optionalText, text } from "./setting.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MILLION = 1_000_000;
const OFFICE = "application/vnd.openxmlformats-officedocument";

/** What is passed on between people, as far as a file can be seen to be it. */
const TYPES = [
  ...(["image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic"] as const),
  ...(["video/mp4", "video/webm", "video/quicktime"] as const),
  ...(["audio/mpeg", "audio/mp4", "audio/x-m4a", "audio/aac", "audio/ogg", "audio/wav"] as const),
  ...(["audio/flac", "text/plain", "application/pdf", "application/zip"] as const),
  `${OFFICE}.wordprocessingml.document`,
  `${OFFICE}.spreadsheetml.sheet`,
  `${OFFICE}.presentationml.presentation`,
];

const NEEDED = ["s3Bucket", "s3AccessKeyId", "s3SecretAccessKey"] as const;

/** Files of messages. */
export const attachments = z
  .object({
    store: choice(
      ["disk", "s3", "off"],
      "disk",
      "Where files of messages are kept: in the folder `attachments` of data.dir, or in a bucket; off takes none.",
    ),
    types: list(
      "Media types of files that are taken, as their content shows; image/* is every one.",
      {
        accepts: (type) => /^[a-z]+\/(?:\*|[a-z0-9][a-z0-9.+-]*)$/.test(type),
        expected: "media types in lower case such as image/png or image/*",
        fallback: TYPES,
      },
    ),
    maxBytes: integer(25 * MIB, { min: 1, max: 4 * GIB }, "The largest file."),
    userBytes: integer(
      GIB,
      { min: 0, max: 1_024 * 1_024 * GIB },
      "What the files that a user has uploaded may take together, in messages or not; 0 is no limit.",
    ),
    minFreeBytes: integer(
      256 * MIB,
      { min: 0, max: 1_024 * 1_024 * GIB },
      "No file is taken that would leave less room than this on the disk of data.dir; 0 leaves none.",
    ),
    perMinute: integer(
      60,
      { min: 0, max: MILLION },
      "Files that a user may upload a minute; 0 is no limit.",
    ),
    uploads: integer(
      64,
      { min: 1, max: 100_000 },
      "Files that may come in at a time; an eighth of them from one user.",
    ),
    uploadMs: delayMs(600_000, 1_000, "How long an upload may take."),
    unsentMs: delayMs(86_400_000, 1, "After this time a file that is in no message is removed."),
    sweepMs: delayMs(60_000, 10, "How often files that have gone with their message are removed."),
    linkMs: delayMs(900_000, 1_000, "How long a link to a file holds."),
    linkSecret: optionalText(
      "What links to files are signed with; several servers need the same.",
      {
        accepts: (secret) => Buffer.byteLength(secret) >= 32,
        expected: "at least 32 bytes (`openssl rand -hex 32` makes them)",
        defaultText: "one that is made with the first link",
        secret: true,
      },
    ),
    thumbnailPixels: integer(
      512,
      { min: 16, max: 4_096 },
      "The longer side of pictures' thumbnails, at most.",
    ),
    imagePixels: integer(
      40 * MILLION,
      { min: 0, max: 1_000 * MILLION },
      "No thumbnail is made of a picture with more pixels; while it is made, each takes four bytes of memory.",
    ),
    s3Endpoint: optionalText("The URL of the service that has the bucket.", {
      accepts: (url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ""),
      expected: "a URL such as https://s3.eu-central-1.amazonaws.com",
      defaultText: "that of AWS for the region",
    }),
    s3Region: text("us-east-1", "The region of the bucket."),
    s3Bucket: optionalText("The bucket that files are kept in."),
    s3Prefix: optionalText("What the key of every file in the bucket begins with.", {
      accepts: (prefix) => /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*\/?$/.test(prefix),
      expected: "letters, digits, `-`, `_`, `.` and `/`",
    }),
    s3AccessKeyId: optionalText("Who asks for files in the bucket.", { secret: true }),
    s3SecretAccessKey: optionalText("What proves it.", { secret: true }),
    s3TimeoutMs: delayMs(60_000, 100, "How long the bucket may take to keep or remove a file."),
  })
  .superRefine((settings, context) => {
    if (settings.store !== "s3") return;
    for (const key of NEEDED) {
      if (settings[key] !== undefined) continue;
      const message = "a value, since attachments.store is s3";
      context.addIssue({ code: "custom", path: [key], message });
    }
  });
