import { expect, test } from "bun:test";
import { type FileLink, FileLinks } from "../../src/http/file-links.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { refusalOf } from "../support/refusal.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const [ONE, OTHER] = [
  ...(["0193a000-0000-7000-8000-000000000001", "0193a000-0000-7000-8000-000000000002"] as const),
];

function linksOf(clock: FakeClock, secret = SECRET): FileLinks {
  return new FileLinks({ secret: () => secret, linkMs: 60_000, clock });
}

/** As the server reads it. */
function read(link: string): FileLink {
  const url = new URL(link, "http://localhost");
  const query = (name: string) => url.searchParams.get(name) ?? "";
  const variant = query("variant") === "thumbnail" ? "thumbnail" : "original";
  const id = url.pathname.replace("/files/", "");
  return { id, variant, expires: Number(query("expires")), signature: query("signature") };
}

test("a link holds for its time, over a restart, and says how much of it is left", () => {
  const clock = new FakeClock();
  const links = linksOf(clock);
  const link = read(links.link(ONE, "original", links.expiry(null)));
  expect(linksOf(clock).assertHolds(link)).toBe(60);
  clock.advance(59_000);
  expect(links.assertHolds(link)).toBe(1);
  clock.advance(2_000);
  expect(() => links.assertHolds(link)).toThrow("expired");
});

test("a link does not outlive what it leads to by more than a second", () => {
  const clock = new FakeClock();
  const links = linksOf(clock);
  const of = (goneMs: number) => 1_000 * links.expiry(goneMs) - goneMs;
  expect(of(clock.now() + 10_000)).toBeWithin(0, 1_000);
  expect(of(clock.now() + 1)).toBeWithin(0, 1_000);
  expect(links.expiry(clock.now() + 61_000)).toBe(links.expiry(null));
});

test("nothing of a link can be another than what was signed", async () => {
  const clock = new FakeClock();
  const links = linksOf(clock);
  const link = read(links.link(ONE, "thumbnail", links.expiry(null)));
  const { signature } = link;
  const forged: Partial<FileLink>[] = [
    ...[{ id: OTHER }, { variant: "original" as const }, { expires: link.expires + 1 }],
    ...[{ signature: "" }, { signature: signature.slice(1) }, { signature: `${signature}=.` }],
    { signature: (signature.startsWith("A") ? "B" : "A") + signature.slice(1) },
  ];
  for (const change of forged) {
    expect(await refusalOf(() => links.assertHolds({ ...link, ...change }))).toBe("LINK_REFUSED");
  }
  const other = linksOf(clock, SECRET.replace("0", "1"));
  expect(await refusalOf(() => other.assertHolds(link))).toBe("LINK_REFUSED");
  expect(links.assertHolds(link)).toBe(60);
});
