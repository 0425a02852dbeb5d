import { beforeEach, expect, test } from "bun:test";
import { SiteShares } from "../../src/notify/site-shares.ts";

const NOW_MS = 1_700_000_000_000;
const LANES = 32;

let shares: SiteShares;

beforeEach(() => {
  shares = new SiteShares(LANES, () => 0.5);
});

/** Begins as many sends as may; returns how many those are. */
function fill(host: string): number {
  let begun = 0;
  for (; shares.turnMs(host, NOW_MS) === null; begun += 1) shares.began(host);
  return begun;
}

function send(host: string, answers: boolean | null): void {
  shares.began(host);
  shares.ended(host, 50, answers);
}

test("a site of which it is not known whether it answers has an eighth of the lanes", () => {
  expect(fill("new.example")).toBe(4);
});

test("one that answers has half of them, one that fails a single one", () => {
  send("good.example", true);
  expect(fill("good.example")).toBe(16);
  send("bad.example", false);
  expect(fill("bad.example")).toBe(1);
});

test("one that has answered, and hangs, keeps half of them, and then a single one", () => {
  send("hangs.example", true);
  expect(fill("hangs.example")).toBe(16);
  for (let send = 0; send < 16; send += 1) shares.ended("hangs.example", 10_000, false);
  expect(fill("hangs.example")).toBe(1);
});

test("however many there are that fail, or are new, they leave most lanes to others", () => {
  send("good.example", true);
  const begun = { failing: 0, new: 0 };
  for (let site = 0; site < 100; site += 1) send(`bad-${site}.example`, false);
  for (let site = 0; site < 100; site += 1) begun.failing += fill(`bad-${site}.example`);
  for (let site = 0; site < 100; site += 1) begun.new += fill(`new-${site}.example`);
  expect(begun).toEqual({ failing: 4, new: 8 });
  expect(fill("good.example")).toBe(16);
});

test("names under one that somebody has registered are one site", () => {
  let begun = 0;
  for (let name = 0; name < 100; name += 1) begun += fill(`${name}.evil.example`);
  expect(begun).toBe(4);
});

test("what does not show whether it answers changes nothing", () => {
  send("good.example", true);
  send("good.example", null);
  expect(fill("good.example")).toBe(16);
});

test("what was under way to a site counts as what the site is by now", () => {
  send("a.example", true);
  for (let begun = 0; begun < 5; begun += 1) shares.began("a.example");
  shares.ended("a.example", 10_000, false);
  send("b.example", false);
  expect(fill("b.example")).toBe(0); // The four that are left keep what all that fail have together.
  for (let ended = 0; ended < 4; ended += 1) shares.ended("a.example", 10_000, null);
  expect(fill("b.example")).toBe(1);
});

test("those who wait have turns one after the other, as far apart as a send takes of a lane", () => {
  send("good.example", true);
  shares.began("good.example");
  shares.ended("good.example", 800, true);
  fill("good.example");
  const turns = [1, 2, 3].map(() => shares.turnMs("good.example", NOW_MS));
  // The one that ended the filling stands before them.
  expect(turns).toEqual([NOW_MS + 100, NOW_MS + 150, NOW_MS + 200]);
});

test("all who wait have their turn within a minute", () => {
  send("bad.example", false);
  fill("bad.example");
  const turns = Array.from({ length: 5_000 }, () => shares.turnMs("bad.example", NOW_MS) ?? 0);
  expect(Math.min(...turns)).toBeGreaterThan(NOW_MS);
  expect(Math.max(...turns)).toBeLessThanOrEqual(NOW_MS + 60_001);
});

test.each([1, 2, 3, 4])("of %i lanes there is one for each kind, at least", (lanes) => {
  shares = new SiteShares(lanes, () => 0.5);
  expect(fill("new.example")).toBe(Math.min(lanes, 2));
  shares = new SiteShares(lanes, () => 0.5);
  send("bad.example", false);
  expect(fill("bad.example")).toBe(1);
});
