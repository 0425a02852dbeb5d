import { expect, test } from "bun:test";
import { nameToSend, roomFor, sizeText, summaryOf } from "../../src/web/files.ts";
import { readMessage } from "../../src/web/wire.ts";
import {
  arrived,
  attachment,
  composed,
  confirmed,
  DM,
  draft,
  happening,
  stateAfter,
} from "./support.ts";

const PICTURE = attachment({ type: "image/png", width: 1200, height: 900, hasThumbnail: true });

test("sizes are told as people say them", () => {
  const sizes = [0, 1, 999, 1_000, 1_449, 9_960, 48_213, 999_499, 999_500, 26_214_400, 4e9];
  expect(sizes.map(sizeText)).toEqual([
    ...["0 bytes", "1 byte", "999 bytes", "1 kB", "1.4 kB", "10 kB", "48 kB", "999 kB", "1 MB"],
    ...["26 MB", "4 GB"],
  ]);
});

test("a picture takes its room before it is there, and none takes too much or too little", () => {
  const roomOf = (width: number, height: number) => roomFor({ ...PICTURE, width, height });
  expect(roomOf(1200, 900)).toEqual({ width: 320, ratio: 4 / 3 });
  expect(roomOf(900, 1200)).toEqual({ width: 240, ratio: 3 / 4 });
  expect(roomOf(200, 100)).toEqual({ width: 200, ratio: 2 });
  expect(roomOf(1, 1)).toEqual({ width: 64, ratio: 1 });
  expect(roomOf(5000, 10)).toEqual({ width: 320, ratio: 3 });
  expect(roomOf(10, 5000)).toEqual({ width: 64, ratio: 1 / 3 });
});

test("a message without a text is named by what it has instead", () => {
  const summary = (...attachments: ReturnType<typeof attachment>[]) =>
    summaryOf({ content: "", attachments });
  expect(summary(PICTURE)).toBe("Picture");
  expect(summary(PICTURE, PICTURE)).toBe("2 pictures");
  expect(summary(attachment())).toBe("notes.txt");
  expect(summary(attachment(), PICTURE)).toBe("2 files");
  expect(summaryOf({ content: "look", attachments: [PICTURE] })).toBe("look");
});

test("a file is sent by a name that the server takes", () => {
  expect(nameToSend("a/b\\c\u202ed\n.txt")).toBe("a_b_c_d_.txt");
  expect(nameToSend(" ")).toBe("file");
});

test("a message's files are read, and stay with it from its writing on", () => {
  const written = draft("look", { attachments: [PICTURE] });
  const sent = stateAfter({ kind: "message-composed", draft: written }, confirmed("look", 1));
  expect(sent.conversations[DM]?.messages[0]?.attachments).toEqual([PICTURE]);
  const plain = stateAfter(composed("hi"));
  expect(plain.conversations[DM]?.messages[0]?.attachments).toEqual([]);
  const wire = {
    ...{ id: "1", conversationId: DM, seq: 1, senderId: "bob", senderName: "bob", content: "" },
    ...{ type: "TEXT", status: "SENT", timestamp: "2026-01-01T12:00:00.000Z" },
  };
  const file = { id: "f", name: "a\u202e.txt", type: "text/plain", size: 7, hasThumbnail: false };
  expect(readMessage({ ...wire, attachments: [file] }).attachments).toEqual([
    { ...file, name: "a.txt", width: null, height: null },
  ]);
  expect(readMessage(wire).attachments).toEqual([]);
});

test("a message that is deleted, or has disappeared, has none any more", () => {
  const event = happening({ type: "MESSAGE_DELETED", messageId: "id-1" });
  const had = { attachments: [PICTURE] };
  const deleted = stateAfter(arrived(1, had), arrived(2, { event }));
  expect(deleted.conversations[DM]?.messages[0]?.attachments).toEqual([]);
  const expired = stateAfter(arrived(1, { ...had, expiresMs: 5 }), {
    ...{ kind: "time-passed", nowMs: 5 },
  });
  expect(expired.conversations[DM]?.messages[0]?.attachments).toEqual([]);
});
