import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { Thumbnails } from "../../src/attachments/thumbnails.ts";
import { bomb, jpeg, turned } from "../support/pictures.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

async function made(file: Buffer, type: string, imagePixels = 1_000_000) {
  const [path, target] = [folder.file("picture"), folder.file("thumbnail")];
  await writeFile(path, file);
  const picture = await new Thumbnails({ pixels: 64, imagePixels }).make(path, type, target);
  return { picture, target };
}

test("a thumbnail is a smaller picture of the same shape", async () => {
  const original = await jpeg(400, 200);
  const { picture, target } = await made(original, "image/jpeg");
  expect(picture).toEqual({ width: 400, height: 200, hasThumbnail: true });
  expect(await new Bun.Image(target).metadata()).toEqual({ width: 64, height: 32, format: "webp" });
  expect(Bun.file(target).size).toBeLessThan(original.length / 4);
});

test("it stands upright, and does not tell where it was taken", async () => {
  const original = turned(await jpeg(400, 200), "GPS 52.5 13.4");
  const { picture, target } = await made(original, "image/jpeg");
  expect(picture).toEqual({ width: 200, height: 400, hasThumbnail: true });
  expect(await new Bun.Image(target).metadata()).toMatchObject({ width: 32, height: 64 });
  const bytes = Buffer.from(await Bun.file(target).bytes());
  expect(original.includes("GPS 52.5")).toBe(true);
  expect(bytes.includes("GPS 52.5") || bytes.includes("Exif") || bytes.includes("EXIF")).toBe(
    false,
  );
});

test("a small picture is not made larger", async () => {
  const { target } = await made(await jpeg(20, 10), "image/jpeg");
  expect(await new Bun.Image(target).metadata()).toMatchObject({ width: 20, height: 10 });
});

test("a picture with too many pixels is measured, and not unpacked", async () => {
  const { picture, target } = await made(await bomb(16_000, 16_000), "image/png");
  expect(picture).toEqual({ width: 16_000, height: 16_000, hasThumbnail: false });
  expect(existsSync(target)).toBe(false);
  const picture80k = await jpeg(400, 200);
  const isMade = async (imagePixels: number) =>
    (await made(picture80k, "image/jpeg", imagePixels)).picture?.hasThumbnail;
  expect([await isMade(79_999), await isMade(80_000)]).toEqual([false, true]);
});

test("a broken picture has no thumbnail, and the next one has", async () => {
  const whole = await jpeg(400, 200);
  const thumbnails = new Thumbnails({ pixels: 64, imagePixels: 1_000_000 });
  const of = async (name: string, file: Buffer, type = "image/jpeg") => {
    await writeFile(folder.file(name), file);
    return await thumbnails.make(folder.file(name), type, folder.file(`${name}.small`));
  };
  const [short, nothing, right] = await Promise.all([
    of("short", await bomb(40, 30), "image/png"), // With the content of one pixel.
    of("nothing", Buffer.from("no picture at all")),
    of("right", whole),
  ]);
  expect(short).toEqual({ width: 40, height: 30, hasThumbnail: false });
  expect(nothing).toBeNull();
  expect(right).toEqual({ width: 400, height: 200, hasThumbnail: true });
});

test("what is no picture has none", async () => {
  expect((await made(Buffer.from("text"), "text/plain")).picture).toBeNull();
});
