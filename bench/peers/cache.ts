import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Children } from "../children.ts";
import { ROOT } from "../machine.ts";
import { Unavailable } from "./peer.ts";

/** What the peers consist of and write lies here, out of the repository's sight. */
const CACHE = join(ROOT, "bench/results/peers");
const STAMP = "installed";

/** A folder of the peer's own; it need not exist. */
export function folderOf(peer: string): string {
  return join(CACHE, peer);
}

export function manifestsOf(peer: string): string {
  return join(ROOT, "bench/peers", peer);
}

/** A fresh folder for what one run of the peer writes. */
export function newRunFolder(peer: string): string {
  const folder = join(CACHE, `${peer}-run`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Runs `install` in the peer's folder unless it was done before for the same `key`: the version, and
 * whatever else the outcome depends on.
 */
export async function installOnce(
  peer: string,
  key: string,
  install: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = folderOf(peer);
  const stamp = join(folder, STAMP);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await install(folder);
  await Bun.write(stamp, key);
}

/** The same, with some of what lies in the peer's folder here; done again when that changes. */
export async function installFromManifests(
  peer: string,
  files: readonly string[],
  install: (folder: string) => Promise<void>,
): Promise<void> {
  const hash = new Bun.CryptoHasher("sha256");
  for (const file of files) hash.update(readFileSync(join(manifestsOf(peer), file)));
  await installOnce(peer, hash.digest("hex"), (folder) => {
    for (const file of files) cpSync(join(manifestsOf(peer), file), join(folder, file));
    return install(folder);
  });
}

/** Throws `Unavailable` when a program is not there. */
export function needs(...programs: readonly string[]): void {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) throw new Unavailable(`${missing.join(", ")} not found`);
}

/** Runs an installer in a folder, or throws `Unavailable` when it fails. */
export async function runInstaller(
  children: Children,
  folder: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    await children.run(["sh", "-c", 'cd "$0" && exec "$@"', folder, ...command], { env });
  } catch {
    throw new Unavailable(`${command.slice(0, 2).join(" ")} failed`);
  }
}
