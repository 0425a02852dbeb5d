import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "../machine.ts";

const packageSchema = z.object({
  version: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
});

/** The version that a `package.json` gives itself or, with a name, one of its dependencies. */
export function manifestVersion(file: string, dependency?: string): string {
  const manifest = packageSchema.parse(JSON.parse(readFileSync(join(ROOT, file), "utf8")));
  const version = dependency === undefined ? manifest.version : manifest.dependencies[dependency];
  if (version === undefined) throw new Error(`${file} gives no version`);
  return version;
}
