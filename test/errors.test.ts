import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Glob } from "bun";
import { ACCESS_ERRORS } from "../src/errors/access.ts";
import { ATTACHMENT_ERRORS } from "../src/errors/attachments.ts";
import { CHAT_ERRORS } from "../src/errors/chat.ts";
import { NOTIFICATION_ERRORS } from "../src/errors/notifications.ts";
import { PROTOCOL_ERRORS } from "../src/errors/protocol.ts";
import { QUEUE_ERRORS } from "../src/errors/queues.ts";
import { SERVER_ERRORS } from "../src/errors/server.ts";
import { ERRORS } from "../src/errors.ts";

test("each code stands in one part of the table, and all parts are in it", () => {
  const parts = [
    ...[PROTOCOL_ERRORS, ACCESS_ERRORS, QUEUE_ERRORS],
    ...[CHAT_ERRORS, ATTACHMENT_ERRORS, NOTIFICATION_ERRORS, SERVER_ERRORS],
  ];
  expect(Object.keys(ERRORS)).toEqual(parts.flatMap((part) => Object.keys(part)));
});

test("each code is what something is refused with", () => {
  const src = resolve(import.meta.dir, "../src");
  const files = [...new Glob("**/*.ts").scanSync(src)].filter(
    (file) => !file.startsWith("errors/"),
  );
  const code = files.map((file) => readFileSync(join(src, file), "utf8")).join("\n");
  expect(Object.keys(ERRORS).filter((known) => !code.includes(`"${known}"`))).toEqual([]);
});
