import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore, ByteRange } from "../../src/attachments/blob-store.ts";
import { refusalOf } from "../support/refusal.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

export interface BlobStoreUnderTest {
  readonly store: BlobStore;
  /** From now on it cannot be reached, or does nothing. */
  breakDown(): void | Promise<void>;
  close(): void | Promise<void>;
}

const WHOLE: ByteRange = { start: 0, end: Number.MAX_SAFE_INTEGER };
const never = new AbortController().signal;

/** What every BlobStore does. `factory` makes an empty one; files to be put are in `folder`. */
export function blobStoreContract(
  name: string,
  factory: (folder: string) => BlobStoreUnderTest | Promise<BlobStoreUnderTest>,
): void {
  describe(`${name} is a BlobStore`, () => {
    let folder: TemporaryFolder;
    let tested: BlobStoreUnderTest;

    beforeEach(async () => {
      folder = new TemporaryFolder();
      tested = await factory(folder.path);
    });
    afterEach(async () => {
      await tested.close();
      folder[Symbol.dispose]();
    });

    async function put(key: string, content: string | Uint8Array): Promise<void> {
      const path = join(folder.path, `upload-${Bun.randomUUIDv7()}`);
      await writeFile(path, content);
      await tested.store.put(key, path);
    }

    async function read(key: string, range = WHOLE): Promise<Buffer | null> {
      const body = await tested.store.read(key, range, never);
      return body === null ? null : Buffer.from(await new Response(body).bytes());
    }

    test("gives back what was put, each under its own key", async () => {
      const bytes = crypto.getRandomValues(new Uint8Array(60_000));
      await Promise.all([put("ab/one", bytes), put("ab/one.thumbnail", "small"), put("cd/e", "")]);
      expect(await read("ab/one")).toEqual(Buffer.from(bytes));
      expect((await read("ab/one.thumbnail"))?.toString()).toBe("small");
      expect(await read("cd/e", { start: 0, end: 0 })).toHaveLength(0);
    });

    test("gives back a part, which ends with the file at the latest", async () => {
      await put("ab/one", "0123456789");
      const parts: [number, number, string][] = [
        ...([
          [0, 1, "0"],
          [3, 6, "345"],
          [9, 10, "9"],
          [8, 99, "89"],
        ] satisfies [number, number, string][]),
      ];
      for (const [start, end, expected] of parts) {
        expect((await read("ab/one", { start, end }))?.toString()).toBe(expected);
      }
    });

    test("takes what is larger than one part of an upload", async () => {
      const bytes = new Uint8Array(12_000_000).fill(7);
      await put("ab/large", bytes);
      const back = await read("ab/large", { start: 11_999_990, end: 12_000_000 });
      expect(back).toEqual(Buffer.alloc(10, 7));
    });

    test("has the last one that was put under a key", async () => {
      await put("ab/one", "first");
      await put("ab/one", "second");
      expect((await read("ab/one"))?.toString()).toBe("second");
    });

    test("has nothing that was not put, or that was removed, be it twice", async () => {
      expect(await read("ab/none")).toBeNull();
      await put("ab/one", "gone");
      await put("ab/two", "stays");
      await tested.store.remove("ab/one");
      await tested.store.remove("ab/one");
      expect(await read("ab/one")).toBeNull();
      expect((await read("ab/two"))?.toString()).toBe("stays");
    });

    test("says so when it fails", async () => {
      await put("ab/one", "kept");
      await tested.breakDown();
      const { store } = tested;
      expect(await refusalOf(() => put("ab/two", "lost"))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => store.remove("ab/one"))).toBe("STORAGE_UNAVAILABLE");
      expect(await refusalOf(() => read("ab/one"))).toBe("STORAGE_UNAVAILABLE");
    });
  });
}
