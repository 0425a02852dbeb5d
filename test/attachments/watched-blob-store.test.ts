import { beforeEach, expect, test } from "bun:test";
import { WatchedBlobStore } from "../../src/attachments/watched-blob-store.ts";
import { AppError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { RecordedBlobs } from "../support/recorded-blobs.ts";
import { refusalOf } from "../support/refusal.ts";

const never = new AbortController().signal;
const RANGE = { start: 0, end: 1 };

let blobs: RecordedBlobs;
let watched: WatchedBlobStore;
let lines: string[];

beforeEach(() => {
  blobs = new RecordedBlobs();
  lines = [];
  const write = (level: string) => (_: unknown, message: string) => {
    lines.push(`${level} ${message}`);
  };
  const log: Log = {
    ...{ debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    child: () => log,
  };
  watched = new WatchedBlobStore(blobs, log);
});

test("a store that fails is told of once, and once that it works again", async () => {
  await watched.put("a", "a");
  blobs.failing = /./;
  for (let time = 0; time < 2; time += 1) {
    expect(await refusalOf(() => watched.put("b", "b"))).toBe("STORAGE_UNAVAILABLE");
    expect(await refusalOf(() => watched.remove("a"))).toBe("STORAGE_UNAVAILABLE");
  }
  blobs.failing = null;
  await watched.remove("a");
  expect(await watched.read("a", RANGE, never)).toBeNull();
  expect(lines).toEqual([
    "error The store of files fails: what needs it is refused",
    "info The store of files works again",
  ]);
});

test("it does not fail where nobody waits for it any more", async () => {
  blobs.read = () => Promise.reject(new AppError("STORAGE_UNAVAILABLE", "given up"));
  const given = () => watched.read("a", RANGE, AbortSignal.abort());
  expect(await refusalOf(given)).toBe("STORAGE_UNAVAILABLE");
  expect(lines).toEqual([]);
  expect(await refusalOf(() => watched.read("a", RANGE, never))).toBe("STORAGE_UNAVAILABLE");
  expect(lines).toHaveLength(1);
});
