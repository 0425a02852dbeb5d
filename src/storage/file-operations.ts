import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { AppError } from "../errors.ts";

/**
 * The steps by which backup and restore give databases their names: between any two of them the
 * process may end. All throw the system's error, and have then done nothing.
 */
export interface FileOperations {
  /** The target may be there, and may be left incomplete. */
  copy(from: string, to: string): void;
  /** A second name for the same file. The target must not be there (EEXIST). */
  link(from: string, to: string): void;
  /** Atomic; a target that is there is replaced. */
  rename(from: string, to: string): void;
  /** No error when it is not there. */
  remove(path: string): void;
  /** What is in the file is on disk on return. No database connection of the process may use it. */
  sync(path: string): void;
  /** The folder's names are on disk on return. */
  syncFolder(folder: string): void;
}

export const diskFiles: FileOperations = {
  copy: (from, to) => copyFileSync(from, to, constants.COPYFILE_FICLONE),
  link: linkSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  sync: (path) => sync(path, "r+"),
  syncFolder: (folder) => {
    // Windows has no such thing, and needs none.
    if (process.platform !== "win32") sync(folder, "r");
  },
};

function sync(path: string, flags: string): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** SQLite's own files beside a database: a log or a journal belongs to it like its second half. */
export const COMPANIONS = ["-wal", "-journal", "-shm"] as const;

/** Removes a database that nobody uses. */
export function removeDatabase(files: FileOperations, path: string): void {
  for (const suffix of ["", ...COMPANIONS]) files.remove(path + suffix);
}

/** Gives `path` the owner of `model`, so that a server without root can use what root has restored. */
export function giveOwnerOf(model: Stats, path: string): void {
  if (process.getuid?.() === 0 && existsSync(path)) chownSync(path, model.uid, model.gid);
}

/** Gives `path` owner and rights of `model`; its owner can read and write it in any case. */
export function giveRightsOf(model: Stats, path: string): void {
  chmodSync(path, (model.mode & 0o777) | 0o600);
  giveOwnerOf(model, path);
}

export function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (fault) {
    if (hasCode(fault, "ENOTDIR")) return undefined;
    throw fault;
  }
}

export function isSameFile(path: string, other: string): boolean {
  const [one, two] = [statIfThere(path), statIfThere(other)];
  return one !== undefined && one.dev === two?.dev && one.ino === two.ino;
}

/** Throws AppError INVALID_CONFIGURATION. */
export function makeFolderOf(path: string): void {
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new AppError("INVALID_CONFIGURATION", `the folder ${folder} cannot be made`, { cause });
  }
}

/** Whether the file system has no hard links. */
export function isLinkUnsupported(fault: unknown): boolean {
  return hasCode(fault, "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK");
}

export function hasCode(fault: unknown, ...codes: readonly string[]): boolean {
  return (
    fault instanceof Error &&
    "code" in fault &&
    typeof fault.code === "string" &&
    codes.includes(fault.code)
  );
}
