import { join } from "node:path";
import type { Children } from "../children.ts";
import { folderOf, installOnce, needs, runInstaller } from "./cache.ts";

export interface GoProgram {
  readonly peer: string;
  readonly module: string;
  readonly version: string;
}

/** Builds a program from its module at a pinned version. */
export async function installGoProgram(program: GoProgram, children: Children): Promise<void> {
  needs("go");
  const { peer, module, version } = program;
  await installOnce(peer, version, (folder) =>
    runInstaller(children, folder, ["go", "install", `${module}@v${version}`], { GOBIN: folder }),
  );
}

export function goProgram(peer: string, binary: string): string {
  return join(folderOf(peer), binary);
}
