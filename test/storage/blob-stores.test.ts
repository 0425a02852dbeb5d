import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../src/errors.ts";
import { DiskBlobStore } from "../../src/storage/disk-blob-store.ts";
import { S3BlobStore } from "../../src/storage/s3-blob-store.ts";
import { blobStoreContract } from "../contract/blob-store.ts";
import { refusalOf } from "../support/refusal.ts";
import { type S3Server, startS3 } from "../support/s3-server.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const WHOLE = { start: 0, end: Number.MAX_SAFE_INTEGER };
const never = new AbortController().signal;

function bucketOf(server: S3Server, other: Partial<S3Server> = {}, prefix = ""): S3BlobStore {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = { ...server, ...other };
  return new S3BlobStore({
    ...{ endpoint, bucket, region, accessKeyId, secretAccessKey, prefix, timeoutMs: 10_000 },
  });
}

blobStoreContract("a folder", (folder) => {
  const kept = join(folder, "kept");
  return {
    store: new DiskBlobStore(kept),
    async breakDown() {
      await rm(kept, { recursive: true });
      await writeFile(kept, "no folder any more");
    },
    close() {},
  };
});

for (const [name, habits] of [
  ["a bucket of S3", {}],
  ["a bucket of a service without ranges", { ignoresRange: true }],
] as const) {
  blobStoreContract(name, () => {
    const server = startS3(habits);
    return {
      store: bucketOf(server),
      breakDown: () => server.fail(503),
      close: () => server.stop(),
    };
  });
}

test("a folder has no other names than whole files': what is written has been under another", async () => {
  using folder = new TemporaryFolder();
  const kept = folder.file("kept");
  await mkdir(kept);
  await writeFile(folder.file("upload"), "content");
  await new DiskBlobStore(kept).put("ab/one", folder.file("upload"));
  expect((await readdir(kept, { recursive: true })).sort()).toEqual(["ab", "ab/one"]);
  expect(await readdir(folder.path)).toEqual(["kept"]);
});

describe("a bucket of S3", () => {
  let server: S3Server;
  let folder: TemporaryFolder;
  beforeEach(async () => {
    server = startS3();
    folder = new TemporaryFolder();
    await writeFile(folder.file("upload"), new Uint8Array(12_000_000));
  });
  afterEach(async () => {
    await server.stop();
    folder[Symbol.dispose]();
  });

  test("is asked once for a file, however large, so that no parts of it can be left behind", async () => {
    await bucketOf(server, {}, "chat/").put("ab/one", folder.file("upload"));
    expect(server.requests).toEqual(["PUT chat/ab/one"]);
    expect(server.objects.get("chat/ab/one")).toHaveLength(12_000_000);
  });

  test.each([
    ["another secret", { secretAccessKey: "another" }],
    ["another key", { accessKeyId: "AKIAOTHER" }],
    ["another region", { region: "us-east-1" }],
    ["a bucket that is not there", { bucket: "other" }],
  ] as const)(
    "refuses what is signed with %s, and nothing is kept, or taken for removed",
    async (_, other) => {
      const store = bucketOf(server, other);
      const put = () => store.put("ab/one", folder.file("upload"));
      expect(await refusalOf(put)).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => store.read("ab/one", WHOLE, never))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => store.remove("ab/one"))).toBe("STORAGE_UNAVAILABLE");
      expect(server.objects.size).toBe(0);
    },
  );

  test("that cannot be reached is an error, whose words name neither key nor bucket", async () => {
    await server.stop();
    const store = bucketOf(server);
    const fault = await store.read("ab/one", WHOLE, never).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(AppError);
    expect(fault instanceof AppError && fault.message).not.toMatch(/ab\/one|parley-files/);
    // For a while, whoever reads the log could do with it what was asked.
    expect(Bun.inspect(fault)).not.toContain("X-Amz-Signature");
  });

  test("that sends us elsewhere is not followed, nor told in the log by its signed URL", async () => {
    const elsewhere = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: () => Response.redirect(server.endpoint),
    });
    const store = bucketOf(server, { endpoint: elsewhere.url.href });
    const fault = await store.read("ab/one", WHOLE, never).catch((error: unknown) => error);
    await elsewhere.stop(true);
    expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(Bun.inspect(fault)).not.toContain("X-Amz-Signature");
    expect(server.requests).toEqual([]);
  });

  test("that hides what is not there fails, rather than to say that it is not", async () => {
    const hiding = startS3({ hidesAbsence: true });
    const read = bucketOf(hiding).read("ab/none", WHOLE, never);
    const fault = await read.catch((error: unknown) => error);
    await hiding.stop();
    expect(fault).toMatchObject({ code: "STORAGE_UNAVAILABLE" });
    expect(fault instanceof AppError && String(fault.cause)).toContain("ListBucket");
  });
});

/** An object that never ends, each chunk of which is ten times the same digit. */
function startEndless() {
  const cancelled = Promise.withResolvers<void>();
  const asked: (string | null)[] = [];
  const server = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0 },
    fetch({ headers }) {
      asked.push(headers.get("accept-encoding"));
      let count = 0;
      const body = new ReadableStream({
        async pull(controller) {
          controller.enqueue(Buffer.from(`${count % 10}`.repeat(10)));
          count += 1;
          await new Promise(setImmediate);
        },
        cancel: () => cancelled.resolve(),
      });
      return new Response(body);
    },
  });
  const account = { bucket: "endless", region: "r", accessKeyId: "k", secretAccessKey: "s" };
  const options = { ...account, endpoint: server.url.href, prefix: "", timeoutMs: 10_000 };
  const store = new S3BlobStore(options);
  return { store, asked, cancelled: cancelled.promise, stop: () => server.stop(true) };
}

describe("of a whole that comes in place of a part", () => {
  let endless: ReturnType<typeof startEndless>;
  beforeEach(() => {
    endless = startEndless();
  });
  afterEach(() => endless.stop());

  test.each([
    [0, 10, "0".repeat(10)],
    [5, 25, `${"0".repeat(5)}${"1".repeat(10)}${"2".repeat(5)}`],
    [30, 31, "3"],
  ])(
    "the bytes from %d to %d are cut out, and what is behind them is not fetched",
    async (start, end, part) => {
      const body = await endless.store.read("ab/one", { start, end }, never);
      expect(await new Response(body).text()).toBe(part);
      await endless.cancelled;
    },
  );

  test("no more is fetched when nobody reads on", async () => {
    const body = await endless.store.read("ab/one", { start: 5, end: 1e12 }, never);
    if (!(body instanceof ReadableStream)) throw new Error("it does not come as a stream");
    const reader = body.getReader();
    const { value } = await reader.read();
    expect(new TextDecoder().decode(value)).toStartWith("00000");
    await reader.cancel();
    await endless.cancelled;
  });

  test("it is asked for as it is, since a part of what was compressed is none of it", async () => {
    const body = await endless.store.read("ab/one", { start: 0, end: 1 }, never);
    expect(await new Response(body).text()).toBe("0");
    expect(endless.asked).toEqual(["identity"]);
  });
});
