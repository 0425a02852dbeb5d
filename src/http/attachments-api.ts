import { z } from "zod";
import { attachmentIdSchema } from "../app/message-schemas.ts";
import { type BlobStore, keyOf, thumbnailKeyOf } from "../attachments/blob-store.ts";
import type { Uploads } from "../attachments/uploads.ts";
import type { Remote } from "../auth/remote.ts";
import type { Actor } from "../chat/actor.ts";
import { type Attachments, attachmentNotFound, attachmentView } from "../chat/attachments.ts";
import { type Clock, isoTime } from "../clock.ts";
import type { Endpoints } from "./endpoint.ts";
import type { FileLinks } from "./file-links.ts";
import { type FileToServe, fileResponse } from "./file-response.ts";
import { ATTACHMENT, ATTACHMENT_LINKS } from "./schemas.ts";

/** What serves files of messages. */
export interface Files {
  readonly uploads: Uploads;
  readonly blobs: BlobStore;
  readonly links: FileLinks;
}

export interface AttachmentsApiOptions extends Files {
  readonly attachments: Attachments;
  readonly clock: Pick<Clock, "now">;
  /** Counts a change by the actor. Throws RATE_LIMITED. */
  readonly countChange: (actor: Actor) => void;
  /** Counts a request of who needs no proof of who they are. Throws RATE_LIMITED. */
  readonly countRequest: (remote: Remote) => void;
}

/** Where files are sent to. */
export const UPLOADS_PATH = "/api/attachments";

const tag = "Attachments";
const params = z.object({ id: attachmentIdSchema });

/** A file's name, as others are shown it and their systems keep it. */
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .regex(
    /^[^\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069/\\]*$/u,
    "must be one line, without slashes",
  );

const linkSchema = z.object({
  variant: z.enum(["original", "thumbnail"]).default("original"),
  expires: z.coerce.number().int().nonnegative().describe("Epoch seconds."),
  signature: z.string().max(64),
});

/** Files of messages: how they come, and where they are had. */
export function attachmentEndpoints(endpoints: Endpoints, options: AttachmentsApiOptions): void {
  const { attachments, uploads, blobs, links, clock, countChange, countRequest } = options;

  endpoints.add(
    {
      ...{ method: "post", path: UPLOADS_PATH, by: "actor", tag },
      summary: "Uploads a file, which is the body, for a message that is to be sent",
      query: z.object({ name: nameSchema.default("file").describe("What the file is called.") }),
      takesFile: true,
      answers: {
        201: { description: "It is kept. A message names its `id`.", schema: ATTACHMENT },
      },
      refusals: [
        ...(["ATTACHMENT_TOO_LARGE", "ATTACHMENT_TYPE_REFUSED"] as const),
        ...(["ATTACHMENT_QUOTA_EXCEEDED", "UPLOAD_INCOMPLETE", "STORAGE_UNAVAILABLE"] as const),
      ],
    },
    async ({ context, caller, query: { name } }) => {
      const { req, env } = context;
      const length = req.header("content-length");
      const bytes = length === undefined ? null : Number(length);
      const time = env.takeTime();
      try {
        const kept = await uploads.receive(caller, { name, bytes, body: req.raw.body });
        return context.json(attachmentView(kept), 201);
      } finally {
        time.done();
      }
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: `${UPLOADS_PATH}/{id}`, by: "actor", tag },
      summary: "Links to a file, for who may see its message; before it is sent, for its uploader",
      params,
      answers: {
        200: { description: "They hold until `expiresAt`.", schema: ATTACHMENT_LINKS },
      },
      refusals: ["ATTACHMENT_NOT_FOUND"],
    },
    async ({ context, caller, params: { id } }) => {
      const { attachment, expiresMs } = await attachments.seenBy(caller, id);
      const expires = links.expiry(expiresMs);
      return context.json({
        ...attachmentView(attachment),
        url: links.link(id, "original", expires),
        thumbnailUrl: attachment.hasThumbnail ? links.link(id, "thumbnail", expires) : undefined,
        expiresAt: isoTime(Math.min(expires * 1_000, expiresMs ?? Number.POSITIVE_INFINITY)),
      });
    },
  );

  endpoints.add(
    {
      ...{ method: "delete", path: `${UPLOADS_PATH}/{id}`, by: "actor", tag },
      summary: "Takes back a file that is in no message",
      params,
      answers: { 204: { description: "It has gone." } },
      refusals: ["ATTACHMENT_NOT_FOUND", "ATTACHMENT_IN_USE", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, caller, params: { id } }) => {
      countChange(caller);
      await attachments.withdraw(caller, id);
      return context.body(null, 204);
    },
  );

  endpoints.add(
    {
      ...{ method: "get", path: "/files/{id}", by: "anybody", tag },
      summary: "A file, by a link that `GET /api/attachments/{id}` gave; `Range` asks for a part",
      ...{ params, query: linkSchema },
      answers: {
        200: { description: "All of it.", isFile: true },
        206: { description: "The part that `Range` asks for.", isFile: true },
        304: { description: "The client has it (`If-None-Match`)." },
        416: { description: "It has no such part." },
      },
      refusals: ["LINK_REFUSED", "ATTACHMENT_NOT_FOUND", "RATE_LIMITED", "STORAGE_UNAVAILABLE"],
    },
    async ({ context, params: { id }, query }) => {
      countRequest(context.env.remote);
      const linkSeconds = links.assertHolds({ id, ...query });
      const { attachment, expiresMs } = await attachments.there(id);
      const { name, type, size, hasThumbnail } = attachment;
      // The link may be older than the message.
      const leftMs = Math.max((expiresMs ?? Number.POSITIVE_INFINITY) - clock.now(), 0);
      const seconds = Math.min(linkSeconds, Math.floor(leftMs / 1_000));
      const isThumbnail = query.variant === "thumbnail";
      if (isThumbnail && !hasThumbnail) throw attachmentNotFound(id);
      const key = isThumbnail ? thumbnailKeyOf(id) : keyOf(id);
      const file: FileToServe = isThumbnail
        ? { name: `${name}.webp`, type: "image/webp", size: null, etag: `"${id}-thumbnail"` }
        : { name, type, size, etag: `"${id}"` };
      return await fileResponse(context.req.raw, file, seconds, async (range) => {
        const body = await blobs.read(key, range, context.req.raw.signal);
        if (body === null) throw attachmentNotFound(id);
        return body;
      });
    },
  );
}
