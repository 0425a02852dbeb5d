import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const CHUNK = new Uint8Array(64 * 1024);

/** A file system in memory with room for so much. Mounting one needs root. */
export class SmallDisk {
  readonly #ballast: string;

  private constructor(readonly path: string) {
    this.#ballast = join(path, "ballast");
  }

  /** Why it cannot be mounted, where it cannot. */
  static mount(path: string, mebibytes: number): SmallDisk | { readonly refusal: string } {
    mkdirSync(path, { recursive: true });
    const command = ["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path];
    if (process.platform !== "linux" || Bun.which("mount") === null) {
      return { refusal: "a small disk needs Linux and its mount command" };
    }
    const { success, stderr } = Bun.spawnSync(command, { stderr: "pipe" });
    if (success) {
      const disk = new SmallDisk(path);
      process.prependOnceListener("exit", disk.unmount); // Before its folder is removed.
      return disk;
    }
    return { refusal: `a small disk cannot be mounted: ${stderr.toString().trim()}` };
  }

  /** Leaves not a byte. */
  fill(): void {
    const file = openSync(this.#ballast, "a");
    try {
      for (let bytes = CHUNK.length; bytes >= 1; ) {
        try {
          writeSync(file, CHUNK, 0, bytes);
        } catch (fault) {
          if (!isNoSpace(fault)) throw fault;
          bytes = Math.floor(bytes / 2);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  readonly unmount = (): void => {
    process.off("exit", this.unmount);
    Bun.spawnSync(["umount", "-l", this.path]);
  };
}

function isNoSpace(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && fault.code === "ENOSPC";
}
