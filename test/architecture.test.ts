import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, resolve } from "node:path";
import { Glob } from "bun";

const SRC = resolve(import.meta.dir, "../src");

/** From the ground up: a floor knows only itself and the floors before it. */
const FLOORS = [
  [
    ...([
      "errors/",
      "errors.ts",
      "clock.ts",
      "deadline.ts",
      "ids.ts",
      "maybe-promise.ts",
      "process-place.ts",
    ] as const),
    ...([
      "address-list.ts",
      "turn-end.ts",
      "few.ts",
      "line.ts",
      "recently-used.ts",
      "token-buckets.ts",
      "store-recovery.ts",
      "log/",
      "log.ts",
    ] as const),
  ],
  ["config/", "config.ts"],
  ["stomp/"],
  ["sockjs/"],
  ["broker/"],
  ["chat/"],
  ["attachments/"],
  ["auth/"],
  ["notify/"],
  ["storage/"],
  ["backplane/"],
  ["nodes/"],
  ["session/"],
  ["app/"],
  ["transport/"],
  ["http/"],
  ["stores.ts", "backplanes.ts"],
  ["server/"],
  ["server.ts"],
  ["cli/", "cli.ts", "main.ts"],
] as const;

/** Pure floors import nothing of the runtime either: bytes and strings only. */
const PURE = ["stomp/", "sockjs/"];

/** Browser code: it imports nothing of the server, and only the composition root embeds it. */
const BROWSER = "web/";

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string): string[] {
  const code = readFileSync(join(SRC, file), "utf8");
  const pattern = /(?:from|import)\s*\(?\s*"([^"]+)"/g;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? "");
}

function sourceFiles(): string[] {
  return [...new Glob("**/*.{ts,tsx}").scanSync(SRC)].sort();
}

function internalImports(): Import[] {
  return sourceFiles().flatMap((from) =>
    importsOf(from)
      .filter((path) => path.startsWith("."))
      .map((path) => ({ from, to: normalize(join(dirname(from), path)) })),
  );
}

function floorOf(file: string): number {
  return FLOORS.findIndex((floor) =>
    floor.some((name) => (name.endsWith("/") ? file.startsWith(name) : file === name)),
  );
}

test("every source file stands on a known floor", () => {
  const strangers = sourceFiles().filter((file) => !file.startsWith(BROWSER) && floorOf(file) < 0);
  expect(strangers).toEqual([]);
});

test("imports run one way: a floor knows only the floors before it", () => {
  const upward = internalImports().filter(({ from, to }) => {
    if (from.startsWith(BROWSER) || to.startsWith(BROWSER) || to.startsWith("..")) return false;
    return floorOf(to) > floorOf(from);
  });
  expect(upward).toEqual([]);
});

test("the codecs import nothing but the error table", () => {
  const foreign = sourceFiles()
    .filter((file) => PURE.some((floor) => file.startsWith(floor)))
    .flatMap((file) =>
      importsOf(file).map((path) => ({
        from: file,
        to: path.startsWith(".") ? normalize(join(dirname(file), path)) : path,
      })),
    )
    .filter(({ from, to }) => to !== "errors.ts" && dirname(to) !== dirname(from));
  expect(foreign).toEqual([]);
});

test("browser code and server code do not mix", () => {
  const mixed = internalImports().filter(({ from, to }) => {
    if (from.startsWith(BROWSER)) return !to.startsWith(BROWSER);
    return to.startsWith(BROWSER) && from !== "server.ts";
  });
  expect(mixed).toEqual([]);
});

test.each([
  ["storage/", "stores.ts"],
  ["backplane/", "backplanes.ts"],
])("one file alone builds the adapters in %s", (floor, builder) => {
  const builders = internalImports().filter(
    ({ from, to }) => to.startsWith(floor) && !from.startsWith(floor) && from !== builder,
  );
  expect(builders).toEqual([]);
});
