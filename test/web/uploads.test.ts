import { expect, test } from "bun:test";
import { attemptWith } from "../../src/web/attempts.ts";
import { ApiError } from "../../src/web/requests.ts";
import type { SendFileOptions } from "../../src/web/send-file.ts";
import { Store } from "../../src/web/store.ts";
import { hindranceOf, Uploads } from "../../src/web/uploads.ts";
import type { Attachment } from "../../src/web/wire-files.ts";
import { attachment, DM, settled } from "./support.ts";

type Sent = Omit<SendFileOptions, "headers"> & PromiseWithResolvers<Attachment>;

function newUploads() {
  const store = new Store("alice");
  const sent = new Map<string, Sent>();
  const withdrawn: string[] = [];
  const notices: string[] = [];
  let keys = 0;
  const uploads = new Uploads({
    api: {
      upload(file, options) {
        const answer = Promise.withResolvers<Attachment>();
        sent.set(file.name, { ...options, ...answer });
        const { signal } = options;
        signal.addEventListener("abort", () => answer.reject(signal.reason));
        return answer.promise;
      },
      withdrawFile: async (id) => {
        withdrawn.push(id);
      },
    },
    attempt: attemptWith(() => {}),
    newId: () => `key-${++keys}`,
    ...{ state: store.state, dispatch: store.dispatch, notify: (text) => notices.push(text) },
  });
  const add = (...names: readonly string[]) =>
    uploads.add(
      DM,
      names.map((name) => new File(["content"], name)),
    );
  const arrive = (name: string) => {
    sent.get(name)?.resolve(attachment({ id: `id of ${name}`, name }));
    return settled();
  };
  const shown = () => uploads.of(DM);
  return { uploads, add, arrive, shown, sent, withdrawn, notices };
}

test("a file is sent at once, tells how far it is, and is there when the server says so", async () => {
  const { add, arrive, shown, sent } = newUploads();
  add("a.txt");
  expect(shown()).toEqual([
    {
      key: "key-1",
      name: "a.txt",
      size: 7,
      percent: 0,
      attachment: null,
      failure: null,
      isFinal: false,
    },
  ]);
  expect(hindranceOf(shown())).toBe("The files are still on their way.");
  sent.get("a.txt")?.onPercent(42);
  expect(shown()[0]?.percent).toBe(42);
  await arrive("a.txt");
  expect(shown()[0]?.attachment?.id).toBe("id of a.txt");
  expect(hindranceOf(shown())).toBeNull();
});

test("two are on their way at a time, in their order", async () => {
  const { add, arrive, sent } = newUploads();
  add("a", "b", "c");
  expect([...sent.keys()]).toEqual(["a", "b"]);
  await arrive("b");
  expect([...sent.keys()]).toEqual(["a", "b", "c"]);
});

test("a message has at most ten", () => {
  const { add, shown, notices } = newUploads();
  add(..."abcdefgh");
  add(..."ijkl");
  expect(shown().map(({ name }) => name)).toEqual([..."abcdefghij"]);
  expect(notices).toEqual(["A message has at most 10 files."]);
});

test("what is removed is not sent on, and what is there already is taken back", async () => {
  const { uploads, add, arrive, shown, sent, withdrawn } = newUploads();
  add("a", "b", "c");
  await arrive("a");
  uploads.remove(DM, "key-1");
  expect(withdrawn).toEqual(["id of a"]);
  uploads.remove(DM, "key-2");
  expect(sent.get("b")?.signal.aborted).toBe(true);
  await settled();
  await arrive("c");
  expect(shown().map(({ name, failure }) => [name, failure])).toEqual([["c", null]]);
  expect(withdrawn).toEqual(["id of a"]);
});

test("what was not sent is told in words, and holds the message back until it is tried again", async () => {
  const { uploads, add, arrive, shown, sent } = newUploads();
  const hindrance = "Remove the file that could not be sent, or try it again.";
  add("a", "big");
  sent.get("a")?.reject(new TypeError("Failed to fetch"));
  sent.get("big")?.reject(new ApiError(413, "ATTACHMENT_TOO_LARGE", "at most 26214400 bytes"));
  await settled();
  expect(shown().map(({ failure, isFinal }) => [failure, isFinal])).toEqual([
    ["The server cannot be reached. Try again in a moment.", false],
    ["This file is too large.", true],
  ]);
  expect(hindranceOf(shown())).toBe(hindrance);
  uploads.retry(DM, "key-1");
  expect(shown()[0]?.failure).toBeNull();
  await arrive("a");
  expect(hindranceOf(shown())).toBe(hindrance);
  uploads.remove(DM, "key-2");
  expect(hindranceOf(shown())).toBeNull();
});

test("what has gone with its message is not taken back, and nothing goes on after the end", async () => {
  const { uploads, add, arrive, shown, sent, withdrawn } = newUploads();
  add("a");
  await arrive("a");
  uploads.forget(DM);
  expect(shown()).toEqual([]);
  expect(withdrawn).toEqual([]);
  add("b", "c", "d");
  uploads.close();
  await settled();
  expect(sent.get("b")?.signal.aborted).toBe(true);
  expect(sent.has("d")).toBe(false);
});
