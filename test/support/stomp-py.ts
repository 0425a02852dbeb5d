import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const REQUIREMENTS = join(ROOT, "test/stomp-py/requirements.txt");

/** Where the pinned Python packages are; another set of pins is another folder. */
function packagesFolder(): string {
  const pins = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  return join(ROOT, "node_modules/.cache", `stomp-py-${pins}`);
}

/**
 * Installs stomp.py for the tests, unless it is there. Returns what is missing on this machine, or
 * null.
 */
export function bringStompPy(): string | null {
  const folder = packagesFolder();
  if (existsSync(folder)) return null;
  const scratch = `${folder}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  const install = [
    ...["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    ...["--no-deps", "--require-hashes", "--only-binary=:all:", "--target", scratch],
    ...["--requirement", REQUIREMENTS],
  ];
  const error = failureOf(install);
  if (error === null) renameSync(scratch, folder);
  else rmSync(scratch, { recursive: true });
  return error;
}

function failureOf(command: string[]): string | null {
  if (Bun.which("python3") === null) return "python3 (3.10 or later) is not installed";
  const child = Bun.spawnSync(command, { stderr: "pipe", stdout: "ignore" });
  return child.exitCode === 0 ? null : child.stderr.toString().trim();
}

export interface PythonProgram {
  /** From the root of the repository. */
  readonly file: string;
  readonly args: readonly string[];
  /** Hears each line that it prints, and may end its input. */
  readonly onLine?: (line: string, endInput: () => void) => void;
}

export interface PythonRun {
  readonly exitCode: number;
  /** What it printed, errors included. */
  readonly output: string;
}

/** Runs a program that may import stomp.py to its end. */
export async function runPython({ file, args, onLine }: PythonProgram): Promise<PythonRun> {
  const folder = packagesFolder();
  if (!existsSync(folder)) throw new Error("stomp.py is missing: npm test brings it");
  const child = Bun.spawn(["python3", "-u", "-B", join(ROOT, file), ...args], {
    env: { PATH: process.env.PATH ?? "", PYTHONPATH: folder, PYTHONUTF8: "1" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = new Response(child.stderr).text();
  const endInput = () => void child.stdin.end();
  const decoder = new TextDecoder();
  let output = "";
  let rest = "";
  for await (const bytes of child.stdout) {
    const text = decoder.decode(bytes, { stream: true });
    output += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine?.(line, endInput);
  }
  const exitCode = await child.exited;
  return { exitCode, output: output + (await errors) };
}
