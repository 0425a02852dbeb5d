import { expect, test } from "bun:test";
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
