import { describe, expect, test } from "bun:test";
import { ContentType } from "../../src/attachments/content-type.ts";
import { refusalOf } from "../support/refusal.ts";

const ALL = ["image/*", "video/*", "audio/*", "application/*", "text/plain"];

/** What the file is taken for, fed in pieces of that size. */
async function typeOf(
  file: Uint8Array | string,
  { allowed = ALL, piece = 4_096 }: { allowed?: readonly string[]; piece?: number } = {},
): Promise<string> {
  const bytes = Buffer.from(file);
  const content = new ContentType(allowed);
  for (let at = 0; at < bytes.length; at += piece)
    await content.feed(bytes.subarray(at, at + piece));
  return await content.end();
}

const refused = (...parameters: Parameters<typeof typeOf>) =>
  refusalOf(() => typeOf(...parameters));

const box = (brand: string) => Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0isommp41`, "latin1");
const PNG = Buffer.from(
  "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489",
  "hex",
);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';

describe("the type of a file", () => {
  test.each([
    ["image/png", PNG],
    ["image/jpeg", Buffer.from("ffd8ffe000104a464946", "hex")],
    ["image/gif", "GIF89a\x01\x01"],
    ["image/webp", "RIFF\x24\0\0\0WEBPVP8 "],
    ["video/mp4", box("isom")],
    ["audio/x-m4a", box("M4A ")],
    ["audio/ogg", Buffer.concat([Buffer.from("OggS"), Buffer.alloc(24), Buffer.from("OpusHead")])],
    ["application/pdf", "%PDF-1.7\n%…"],
    ["text/plain", "Grüße\tan\r\nalle 👋\n"],
  ])("is %s by its first bytes", async (type, file) => {
    expect(await typeOf(file)).toBe(type);
    expect(await typeOf(file, { piece: 1 })).toBe(type);
  });

  test.each([
    ["HTML", "<!doctype html><script>alert(1)</script>"],
    ["SVG", SVG],
  ])("of %s is text and nothing that runs", async (_, file) => {
    expect(await typeOf(file)).toBe("text/plain");
  });

  test("of SVG that says it is XML is XML, which is on no list by itself", async () => {
    expect(
      await refused(`<?xml version="1.0"?>${SVG}`, { allowed: ["image/*", "text/plain"] }),
    ).toBe("ATTACHMENT_TYPE_REFUSED");
  });
});

describe("text", () => {
  test("may be cut anywhere, also within a character", async () => {
    const text = "a👋ü€".repeat(2_000);
    for (const piece of [1, 7, 4_099, 4_101])
      expect(await typeOf(text, { piece })).toBe("text/plain");
  });

  test.each([
    ["bytes that are no UTF-8 at the beginning", Buffer.from([0x61, 0xff, 0xfe, 0x61])],
    [
      "bytes that are no UTF-8 far behind",
      Buffer.concat([Buffer.alloc(9_000, 97), Buffer.of(0xff)]),
    ],
    ["half a character at the end", Buffer.from("aaaü").subarray(0, 4)],
    ["a control character", "a\x01b"],
    ["a control character far behind", `${"a".repeat(9_000)}\0`],
    ["an escape, by which terminals are told what to do", "\x1b[2J"],
  ])("has no %s", async (_, file) => {
    expect(await refused(file)).toBe("ATTACHMENT_TYPE_REFUSED");
  });
});

describe("the list of types", () => {
  test.each([
    [["image/png"], "image/png"],
    [["image/*"], "image/png"],
    [["text/plain", "image/jpeg"], "ATTACHMENT_TYPE_REFUSED"],
    [["*/*"], "ATTACHMENT_TYPE_REFUSED"],
    [["image/pn"], "ATTACHMENT_TYPE_REFUSED"],
    [[], "ATTACHMENT_TYPE_REFUSED"],
  ])("%p makes of a PNG: %s", async (allowed, expected) => {
    const outcome = typeOf(PNG, { allowed }).catch((fault) => fault.code);
    expect(await outcome).toBe(expected);
  });

  test("has no place for a file with nothing in it", async () => {
    expect(await refused("")).toBe("ATTACHMENT_TYPE_REFUSED");
  });

  test("stops what is on none of it before all of it has come", async () => {
    const content = new ContentType(["image/*"]);
    expect(await refusalOf(() => content.feed(Buffer.alloc(5_000, 97)))).toBe(
      "ATTACHMENT_TYPE_REFUSED",
    );
  });
});
