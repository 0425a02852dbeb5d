import { expect, test } from "bun:test";
import { parseDestination, userQueue } from "../../src/broker/destination.ts";

test.each([
  ["/app/chat.send", { kind: "app" }],
  ["/topic/a/b.c", { kind: "topic" }],
  ["/queue/work", { kind: "queue" }],
  ["/user/queue/messages", { kind: "user", userId: null, queue: "messages" }],
  ["/user/42/queue/errors", { kind: "user", userId: "42", queue: "errors" }],
  ["/user/a@b.example/queue/receipts", { kind: "user", userId: "a@b.example", queue: "receipts" }],
  ["/user/queue/queue/confirmations", { kind: "user", userId: "queue", queue: "confirmations" }],
] as const)("%s is understood", (name, expected) => {
  expect(parseDestination(name)).toMatchObject({ ...expected, name });
});

test.each([
  "",
  "/",
  "topic/a",
  "/topic/",
  "/app/",
  "/queue/",
  "/user/",
  "/user/queue/",
  "/user/queue/secrets",
  "/user//queue/messages",
  "/user/a/b/queue/messages",
  "/user/a/queue/messages/",
  `/topic/${"x".repeat(2_000)}`,
])("%s is no destination", (name) => {
  expect(() => parseDestination(name)).toThrow("There is no destination");
});

test("both ways of naming one's own queue have one key", () => {
  expect(userQueue("42", "messages")).toBe("/user/42/queue/messages");
});
