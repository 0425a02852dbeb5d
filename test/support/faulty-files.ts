import { diskFiles, type FileOperations } from "../../src/storage/file-operations.ts";

export type FileOperation = keyof FileOperations;

/** The disk's, each of which `before` sees, and may throw in place of. */
export function observedFiles(
  before: (operation: FileOperation, path: string) => void,
): FileOperations {
  return {
    copy: (from, to) => {
      before("copy", to);
      diskFiles.copy(from, to);
    },
    link: (from, to) => {
      before("link", to);
      diskFiles.link(from, to);
    },
    rename: (from, to) => {
      before("rename", to);
      diskFiles.rename(from, to);
    },
    remove: (path) => {
      before("remove", path);
      diskFiles.remove(path);
    },
    sync: (path) => {
      before("sync", path);
      diskFiles.sync(path);
    },
    syncFolder: (folder) => {
      before("syncFolder", folder);
      diskFiles.syncFolder(folder);
    },
  };
}

/** A file system without hard links. */
export const filesWithoutLinks = observedFiles((operation) => {
  if (operation === "link") throw Object.assign(new Error("no links here"), { code: "EPERM" });
});
