import { expect, test } from "bun:test";
import { join } from "node:path";
import type { LiveMemory } from "../../bench/load/memory-probe.ts";

const PROBE = join(import.meta.dir, "../../bench/load/memory-probe.ts");
const MIB = 1024 * 1024;

/** Grows before each answer but the first: by objects, then by buffers. */
const GROWING = `
const steps = [
  () => [],
  () => Array.from({ length: 50_000 }, (_, at) => ({ at, next: { at } })),
  () => Array.from({ length: 1_000 }, () => new Uint8Array(5_000)),
];
const kept = [];
process.prependListener("message", () => { kept.push(steps.shift()()); });
`;

test("what is kept is told, as objects or beside them", async () => {
  let told = Promise.withResolvers<LiveMemory>();
  const child = Bun.spawn([process.execPath, "--preload", PROBE, "--eval", GROWING], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: (live: LiveMemory) => told.resolve(live),
  });
  const ask = async () => {
    told = Promise.withResolvers();
    child.send("what lives?");
    return await told.promise;
  };
  const atFirst = await ask();
  const objects = await ask();
  const buffers = await ask();
  child.kill();
  await child.exited;
  expect(objects.heap - atFirst.heap).toBeGreaterThan(2 * MIB);
  expect(buffers.native - objects.native).toBeGreaterThan(4 * MIB);
});
