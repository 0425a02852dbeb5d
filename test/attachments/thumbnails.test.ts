import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { JpegScans } from "../../src/attachments/jpeg-scans.ts";
import { Thumbnails } from "../../src/attachments/thumbnails.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { bomb, jpeg, scansOf, turned } from "../support/pictures.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

const clock = new FakeClock();

function scansIn(...chunks: Uint8Array[]): number {
  const scans = new JpegScans();
  for (const chunk of chunks) scans.feed(chunk);
  return scans.count;
}

async function made(file: Buffer, type: string, imagePixels = 1_000_000) {
  const [path, target] = [folder.file("picture"), folder.file("thumbnail")];
  await writeFile(path, file);
  const scans = scansIn(file);
  const thumbnails = new Thumbnails({ pixels: 64, imagePixels, clock });
  const picture = await thumbnails.make({ path, type, scans }, target);
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
  const thumbnails = new Thumbnails({ pixels: 64, imagePixels: 1_000_000, clock });
  const of = async (name: string, file: Buffer, type = "image/jpeg") => {
    await writeFile(folder.file(name), file);
    const picture = { path: folder.file(name), type, scans: 1 };
    return await thumbnails.make(picture, folder.file(`${name}.small`));
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

test("a picture of too many scans for its size is measured, and not unpacked", async () => {
  const isMade = async (scans: number) =>
    (await made(scansOf(80, scans), "image/jpeg", 6_400)).picture;
  expect(await isMade(16)).toEqual({ width: 80, height: 80, hasThumbnail: true });
  expect(await isMade(17)).toEqual({ width: 80, height: 80, hasThumbnail: false });
  // A smaller one may have more.
  expect((await made(scansOf(40, 64), "image/jpeg", 6_400)).picture?.hasThumbnail).toBe(true);
});

test("scans are counted wherever the file is split", async () => {
  const picture = scansOf(80, 5);
  expect(scansIn(picture)).toBe(5);
  for (let at = 0; at <= picture.length; at += 1) {
    expect(scansIn(picture.subarray(0, at), picture.subarray(at))).toBe(5);
  }
  expect(scansIn(...Array.from(picture, (byte) => Uint8Array.of(byte)))).toBe(5);
  expect(scansIn(await jpeg(300, 200))).toBe(1);
});

test("a picture whose turn does not come has no thumbnail, and does not hold up the next ones", async () => {
  const thumbnails = new Thumbnails({ pixels: 64, imagePixels: 40_000_000, clock });
  await writeFile(folder.file("large"), await jpeg(4_000, 3_000));
  await writeFile(folder.file("small"), await jpeg(400, 200));
  const make = (name: string, target: string) => {
    const picture = { path: folder.file(name), type: "image/jpeg", scans: 1 };
    return thumbnails.make(picture, folder.file(target));
  };
  const isInLine = async (count: number) => {
    while (clock.scheduledCount < count) await new Promise((next) => setImmediate(next));
  };
  const before = clock.scheduledCount;
  const first = make("large", "first");
  await isInLine(before + 1);
  const second = make("small", "second");
  await isInLine(before + 2);
  clock.advance(5_000);
  expect(await second).toEqual({ width: 400, height: 200, hasThumbnail: false });
  expect((await first)?.hasThumbnail).toBe(true);
  expect(existsSync(folder.file("second"))).toBe(false);
  expect((await make("small", "third"))?.hasThumbnail).toBe(true);
});
