import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { IncomingFiles } from "../../src/attachments/incoming-files.ts";
import { Thumbnails } from "../../src/attachments/thumbnails.ts";
import { Uploads, type UploadsOptions } from "../../src/attachments/uploads.ts";
import { SYSTEM } from "../../src/chat/actor.ts";
import { AppError } from "../../src/errors.ts";
import { DiskBlobStore } from "../../src/storage/disk-blob-store.ts";
import { MemoryAttachmentStore } from "../../src/storage/memory-attachment-store.ts";
import { TokenBuckets } from "../../src/token-buckets.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { jpeg, scansOf } from "../support/pictures.ts";
import { RecordedBlobs } from "../support/recorded-blobs.ts";
import { refusalOf } from "../support/refusal.ts";
import { attachment } from "../support/stored.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const ALICE = { userId: "alice", name: "Alice" };
const BOB = { userId: "bob", name: "Bob" };

let folder: TemporaryFolder;
let clock: FakeClock;
let store: MemoryAttachmentStore;
let blobs: RecordedBlobs;

beforeEach(() => {
  folder = new TemporaryFolder();
  clock = new FakeClock();
  store = new MemoryAttachmentStore();
  blobs = new RecordedBlobs();
});
afterEach(() => folder[Symbol.dispose]());

function uploadsWith(options: Partial<UploadsOptions> = {}): Uploads {
  return new Uploads({
    ...{ store, blobs, clock, incoming: new IncomingFiles(folder.file("incoming")) },
    thumbnails: new Thumbnails({ pixels: 64, imagePixels: 1_000_000, clock }),
    newId: () => Bun.randomUUIDv7(),
    rate: new TokenBuckets(clock, { perSecond: 0, burst: 0 }),
    ...{ types: ["image/*", "text/plain"], maxBytes: 1_000_000, userBytes: 0, minFreeBytes: 0 },
    ...{ uploads: 64, uploadMs: 60_000, unsentMs: 1_000 },
    ...{ stallMs: 30_000, assertNotErased: () => {} },
    ...options,
  });
}

function bodyOf(content: string | Uint8Array): ReadableStream<Uint8Array> {
  return new Blob([Buffer.from(content)]).stream();
}

function file(content: string | Uint8Array, bytes: number | null = null) {
  return { name: "a file", bytes, body: bodyOf(content) };
}

/** A body of which the test gives the pieces. */
function piecemeal() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  return {
    upload: { name: "a file", bytes: null, body: readable },
    write: (text: string) => writer.write(Buffer.from(text)),
    end: () => writer.close(),
    breakOff: () => writer.abort(new Error("the client has gone")),
    /** Resolves when no more of it is wanted. */
    unwanted: writer.closed.catch(() => "unwanted"),
  };
}

function expectNothingKeptBy(userId: string): void {
  const kept = store.due(Number.MAX_SAFE_INTEGER, 10);
  expect(kept.filter(({ uploaderId }) => uploaderId === userId)).toEqual([]);
}

/** Nothing is left of what was not taken. */
function expectNothingKept(): void {
  expect(store.due(Number.MAX_SAFE_INTEGER, 10).filter(({ removeMs }) => removeMs !== 0)).toEqual(
    [],
  );
  expect(blobs.keys).toEqual([]);
  expectNothingComing();
}

function expectNothingComing(): void {
  expect(readdirSync(folder.path, { recursive: true })).toEqual(
    readdirSync(folder.path).includes("incoming") ? ["incoming"] : [],
  );
}

describe("an upload", () => {
  test("is known, and its contents kept, when it has been taken", async () => {
    const kept = await uploadsWith().receive(ALICE, file(await jpeg(300, 100)));
    expect(kept).toMatchObject({
      ...{ uploaderId: "alice", messageId: null, name: "a file", type: "image/jpeg" },
      ...{ width: 300, height: 100, hasThumbnail: true, removeMs: clock.now() + 1_000 },
    });
    expect(store.byIds([kept.id])).toEqual([kept]);
    const key = `${kept.id.slice(-2)}/${kept.id}`;
    expect(blobs.keys).toEqual([`${key}.thumbnail`, key]);
    expectNothingComing();
  });

  test("is on disk byte for byte", async () => {
    const kept = folder.file("kept");
    const picture = await jpeg(300, 100);
    const disk = new DiskBlobStore(kept);
    const { id, size } = await uploadsWith({ blobs: disk }).receive(ALICE, file(picture));
    expect(size).toBe(picture.length);
    const read = await Bun.file(`${kept}/${id.slice(-2)}/${id}`).bytes();
    expect(Buffer.from(read).equals(picture)).toBe(true);
  });

  test("that does not end in time is given up", async () => {
    const body = piecemeal();
    const taken = uploadsWith({ stallMs: 120_000 }).receive(ALICE, body.upload);
    await body.write("slow");
    clock.advance(60_000);
    expect(await refusalOf(() => taken)).toBe("UPLOAD_INCOMPLETE");
    expect(await body.unwanted).toBe("unwanted");
    expectNothingKept();
  });

  test("of which nothing comes for a while is given up, and its place is another's", async () => {
    const uploads = uploadsWith({ uploads: 1 });
    const body = piecemeal();
    const taken = uploads.receive(ALICE, body.upload);
    for (let chunk = 1; chunk <= 2; chunk += 1) {
      await body.write("slow");
      // For the whole file, for its first chunk, and for the one after each.
      while (clock.scheduledCount < 2 + chunk) await new Promise((next) => setImmediate(next));
      clock.advance(29_999);
    }
    expect(await refusalOf(() => uploads.receive(BOB, file("a", 1)))).toBe("SERVER_FULL");
    clock.advance(1);
    expect(await refusalOf(() => taken)).toBe("UPLOAD_INCOMPLETE");
    expect(await body.unwanted).toBe("unwanted");
    expectNothingKept();
    await uploads.receive(BOB, file("a", 1));
  });

  test("has its place while it comes, and not while its thumbnail is made", async () => {
    const place = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    class HeldThumbnails extends Thumbnails {
      override async make(...picture: Parameters<Thumbnails["make"]>) {
        asked.resolve();
        await place.promise;
        return await super.make(...picture);
      }
    }
    const thumbnails = new HeldThumbnails({ pixels: 64, imagePixels: 1_000_000, clock });
    const held = uploadsWith({ thumbnails, uploads: 1 });
    const taken = held.receive(ALICE, file(await jpeg(300, 100)));
    await asked.promise;
    expect(await refusalOf(() => held.receive(BOB, file("\0", 1)))).toBe("ATTACHMENT_TYPE_REFUSED");
    place.resolve();
    expect((await taken).hasThumbnail).toBe(true);
  });

  test("of scans without number is taken, and no picture of it is made", async () => {
    const kept = await uploadsWith().receive(ALICE, file(scansOf(400, 500)));
    expect(kept).toMatchObject({ type: "image/jpeg", width: 400, hasThumbnail: false });
  });

  test("that breaks off leaves nothing", async () => {
    const body = piecemeal();
    const taken = uploadsWith().receive(ALICE, body.upload);
    await body.write("half of");
    await body.breakOff();
    expect(await refusalOf(() => taken)).toBe("UPLOAD_INCOMPLETE");
    expectNothingKept();
  });

  test("whose contents cannot be kept goes again", async () => {
    for (const failing of [/thumbnail/, /\/[^.]*$/]) {
      blobs.failing = failing;
      const taken = uploadsWith().receive(ALICE, file(await jpeg(300, 100)));
      expect(await refusalOf(() => taken)).toBe("STORAGE_UNAVAILABLE");
      const [left, ...more] = store.due(0, 10);
      expect([left?.removeMs, more]).toEqual([0, []]);
      await store.forget([left?.id ?? ""]);
      blobs.keys.length = 0; // Removed with it, as the sweeper's tests say.
      expectNothingKept();
    }
  });

  test("of nothing is refused", async () => {
    const empty = { name: "none", bytes: 0, body: null };
    expect(await refusalOf(() => uploadsWith().receive(ALICE, empty))).toBe(
      "ATTACHMENT_TYPE_REFUSED",
    );
    expectNothingKept();
  });

  test("finds what a crash has left removed", async () => {
    const incoming = new IncomingFiles(folder.file("incoming"));
    const [chunks] = [new Blob(["half"]).stream()];
    await incoming.write("left", chunks);
    expect(readdirSync(folder.file("incoming"))).toEqual(["left"]);
    incoming.clear();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("leaves other servers that share the folder what they are writing", async () => {
    const incoming = new IncomingFiles(folder.file("incoming"));
    incoming.clearUntouched(0); // There is no folder yet.
    for (const name of ["left", "under way"]) {
      await incoming.write(name, new Blob(["half"]).stream());
    }
    utimesSync(incoming.pathOf("left"), 1_000, 1_000);
    incoming.clearUntouched(1_000_001);
    expect(readdirSync(folder.file("incoming"))).toEqual(["under way"]);
    incoming.clear();
  });
});

describe("the size of a file", () => {
  test("that is said to be too large is refused before any of it is read", async () => {
    const body = piecemeal();
    const taken = uploadsWith().receive(ALICE, { ...body.upload, bytes: 1_000_001 });
    expect(await refusalOf(() => taken)).toBe("ATTACHMENT_TOO_LARGE");
    expectNothingKept();
  });

  test("is seen to as it comes, and no more is read than is needed for that", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(Buffer.alloc(100_000, 97));
      },
    });
    const taken = uploadsWith().receive(ALICE, { name: "endless", bytes: null, body });
    expect(await refusalOf(() => taken)).toBe("ATTACHMENT_TOO_LARGE");
    expect(pulled).toBeLessThan(15);
    expectNothingKept();
  });

  test("may be the largest one", async () => {
    const taken = await uploadsWith().receive(ALICE, file("a".repeat(1_000_000)));
    expect(taken.size).toBe(1_000_000);
    const larger = file("a".repeat(1_000_001));
    expect(await refusalOf(() => uploadsWith().receive(ALICE, larger))).toBe(
      "ATTACHMENT_TOO_LARGE",
    );
  });
});

describe("what users may take", () => {
  test("is so many bytes together, with those on their way, whatever they do at once", async () => {
    await store.put(attachment("kept", { size: 600 }));
    const uploads = uploadsWith({ userBytes: 1_000 });
    const files = Array.from({ length: 5 }, () => file("a".repeat(150), 150));
    const outcomes = await Promise.all(
      files.map((each) => refusalOf(() => uploads.receive(ALICE, each))),
    );
    expect(outcomes.filter((outcome) => outcome === "not refused")).toHaveLength(2);
    expect(outcomes.filter((outcome) => outcome === "ATTACHMENT_QUOTA_EXCEEDED")).toHaveLength(3);
    expect(store.bytesOf("alice")).toBe(900);
    const more = () => uploads.receive(ALICE, file("a".repeat(101), 101));
    expect(await refusalOf(more)).toBe("ATTACHMENT_QUOTA_EXCEEDED");
    await uploads.receive(ALICE, file("a".repeat(100), 100));
    await uploads.receive(BOB, file("a".repeat(101), 101));
  });

  test("does not count twice what has been taken, while another file comes in", async () => {
    const uploads = uploadsWith({ userBytes: 1_000 });
    const slow = piecemeal();
    const first = uploads.receive(ALICE, { ...slow.upload, bytes: 500 });
    for (let count = 0; count < 4; count += 1) {
      await uploads.receive(ALICE, file("a".repeat(120), 120));
    }
    await slow.write("a".repeat(500));
    await slow.end();
    await first;
    expect(store.bytesOf("alice")).toBe(980);
  });

  test("counts a file of which nobody says the size as the largest", async () => {
    const uploads = uploadsWith({ userBytes: 999_999 });
    expect(await refusalOf(() => uploads.receive(ALICE, file("small")))).toBe(
      "ATTACHMENT_QUOTA_EXCEEDED",
    );
    await uploads.receive(ALICE, file("small", 5));
  });

  test("is so many files a minute", async () => {
    const rate = new TokenBuckets(clock, { perSecond: 1 / 60, burst: 2 });
    const uploads = uploadsWith({ rate });
    for (let count = 0; count < 2; count += 1) await uploads.receive(ALICE, file("a", 1));
    expect(await refusalOf(() => uploads.receive(ALICE, file("a", 1)))).toBe("RATE_LIMITED");
    await uploads.receive(BOB, file("a", 1));
    clock.advance(60_000);
    await uploads.receive(ALICE, file("a", 1));
  });

  test("is so many files at a time, of which one user has an eighth", async () => {
    const uploads = uploadsWith({ uploads: 8 });
    const body = piecemeal();
    const first = uploads.receive(ALICE, body.upload);
    expect(await refusalOf(() => uploads.receive(ALICE, file("a", 1)))).toBe("RATE_LIMITED");
    const others = Array.from({ length: 7 }, (_, index) => {
      const slow = piecemeal();
      return { slow, taken: uploads.receive({ userId: `u${index}`, name: "" }, slow.upload) };
    });
    expect(await refusalOf(() => uploads.receive(BOB, file("a", 1)))).toBe("SERVER_FULL");
    for (const each of [body, ...others.map(({ slow }) => slow)]) {
      await each.write("done");
      await each.end();
    }
    await Promise.all([first, ...others.map(({ taken }) => taken)]);
    await uploads.receive(ALICE, file("a", 1));
  });

  test("is without limit for the app's back end", async () => {
    const rate = new TokenBuckets(clock, { perSecond: 1, burst: 0.5 });
    const uploads = uploadsWith({ userBytes: 10, rate });
    expect((await uploads.receive(SYSTEM, file("a".repeat(20)))).uploaderId).toBe(SYSTEM.userId);
  });

  test("leaves room on the disk", async () => {
    const room = await new IncomingFiles(folder.file("incoming")).room();
    const full = uploadsWith({ minFreeBytes: 2 * room });
    expect(await refusalOf(() => full.receive(ALICE, file("a", 1)))).toBe("STORAGE_UNAVAILABLE");
    expectNothingKept();
    await uploadsWith({ minFreeBytes: 1 }).receive(ALICE, file("a", 1));
  });

  test("leaves room on the disk, whatever all users do at once", async () => {
    class SmallDisk extends IncomingFiles {
      override room = async () => 400;
    }
    const incoming = new SmallDisk(folder.file("incoming"));
    const uploads = uploadsWith({ incoming, minFreeBytes: 100 });
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, (_, index) => {
        const user = { userId: `u${index}`, name: "" };
        return refusalOf(() => uploads.receive(user, file("a".repeat(100), 100)));
      }),
    );
    expect(outcomes.filter((outcome) => outcome === "not refused")).toHaveLength(3);
    expect(outcomes.filter((outcome) => outcome === "STORAGE_UNAVAILABLE")).toHaveLength(13);
    await uploads.receive(ALICE, file("a".repeat(300), 300));
  });
});

describe("a user who is removed", () => {
  test("has no upload under way when that resolves, and nothing of it is kept", async () => {
    const uploads = uploadsWith();
    const [body, other] = [piecemeal(), piecemeal()];
    const [taken, ofBob] = [
      uploads.receive(ALICE, body.upload),
      uploads.receive(BOB, other.upload),
    ];
    await body.write("half of");
    await other.write("of another");
    const outcome = refusalOf(() => taken);
    await uploads.endOf("alice");
    expect(await Promise.race([outcome, "not yet"])).toBe("USER_BEING_ERASED");
    expect(await body.unwanted).toBe("unwanted");
    expectNothingKeptBy("alice");
    await other.end();
    expect((await ofBob).size).toBe(10);
  });

  test("sends no other one, nor has one kept that has come", async () => {
    let isErased = false;
    const assertNotErased = () => {
      if (isErased) throw new AppError("USER_BEING_ERASED", "gone");
    };
    const uploads = uploadsWith({ assertNotErased });
    const body = piecemeal();
    const taken = uploads.receive(ALICE, body.upload);
    await body.write("half of");
    isErased = true;
    await body.end();
    expect(await refusalOf(() => taken)).toBe("USER_BEING_ERASED");
    expect(await refusalOf(() => uploads.receive(ALICE, file("a", 1)))).toBe("USER_BEING_ERASED");
    expectNothingKept();
  });
});
