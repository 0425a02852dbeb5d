/** The stores that the settings name: the only place that knows the adapters of storage. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlobStore } from "./attachments/blob-store.ts";
import type { FilesFolder } from "./attachments/files-folder.ts";
import type { Clock } from "./clock.ts";
import type { Settings } from "./config.ts";
import { AppError } from "./errors.ts";
import { newUuid } from "./ids.ts";
import type { Log } from "./log.ts";
import { DiskBlobStore } from "./storage/disk-blob-store.ts";
import { diskFiles } from "./storage/file-operations.ts";
import { KeptFolder } from "./storage/kept-folder.ts";
import { memoryStorage } from "./storage/memory.ts";
import { type MoveOptions, type MoveReport, move } from "./storage/move.ts";
import { openPostgresStorage } from "./storage/postgres.ts";
import { isPostgresUrl, postgresTarget } from "./storage/postgres-url.ts";
import { S3BlobStore } from "./storage/s3-blob-store.ts";
import { removeStaleFolders, ScratchFolder } from "./storage/scratch-folder.ts";
import { openSqliteStorage } from "./storage/sqlite.ts";
import { type BackupReport, backUp } from "./storage/sqlite-backup.ts";
import { type RestoreReport, restore } from "./storage/sqlite-restore.ts";
import type { Storage } from "./storage/storage.ts";

export type { Storage };

/** How a server has its database: for itself, or together with the other nodes of an installation. */
export interface Serving {
  readonly how: "alone" | "shared";
  /** Another server took it while this one was cut off from it, and will not share it. */
  readonly onTaken: (error: AppError) => void;
}

/** Rejects with an AppError that tells the operator what is wrong. */
export async function openStorage(
  settings: Settings,
  serving: Serving,
  log: Log,
  clock: Clock,
): Promise<Storage> {
  const { url, check, busyTimeoutMs, connections, statementTimeoutMs } = settings.database;
  if (url === "memory:") return memoryStorage();
  if (isPostgresUrl(url)) {
    const limits = { connections, statementTimeoutMs, busyTimeoutMs };
    return await openPostgresStorage({ url, serving, ...limits, log, clock });
  }
  const path = databasePath(settings);
  return await openSqliteStorage({ path, busyTimeoutMs, log, clock, check });
}

/** Several nodes may keep their chats in the same database at once. */
export function hasSharedDatabase({ database }: Settings): boolean {
  return isPostgresUrl(database.url);
}

/**
 * What nodes that keep their chats together have alike, by whatever address each reaches the server:
 * names of database and schema. null: this node shares none.
 */
export function sharedDatabaseName({ database }: Settings): string | null {
  if (!isPostgresUrl(database.url)) return null;
  const target = postgresTarget(database.url);
  return `${target.database}/${target.schema}`;
}

export interface OpenFiles {
  readonly folder: FilesFolder;
  readonly blobs: BlobStore;
}

/** Where files of messages are kept; null: the server takes none. */
export function openFiles(settings: Settings, log: Log): OpenFiles | null {
  const { store, ...s3 } = settings.attachments;
  if (store === "off") return null;
  const folder = filesFolder(settings, log);
  if (store === "disk") return { folder, blobs: new DiskBlobStore(folder.path) };
  const blobs = new S3BlobStore({
    ...{ endpoint: s3.s3Endpoint, region: s3.s3Region, bucket: s3.s3Bucket ?? "" },
    ...{ prefix: s3.s3Prefix ?? "", timeoutMs: s3.s3TimeoutMs },
    accessKeyId: s3.s3AccessKeyId ?? "",
    secretAccessKey: s3.s3SecretAccessKey ?? "",
  });
  return { folder, blobs };
}

/** Files without their messages would be nobody's: they outlive the server as these do. */
function filesFolder({ data, database }: Settings, log: Log): FilesFolder {
  if (database.url !== "memory:") {
    return new KeptFolder(join(data.dir, "attachments"), diskFiles, log);
  }
  removeStaleFolders(tmpdir(), log);
  return new ScratchFolder(tmpdir(), newUuid());
}

export interface DatabaseTask {
  readonly settings: Settings;
  /** Of the backup. */
  readonly file: string;
  readonly clock: Clock;
}

/** Copies the settings' database, served or not, into a file: see `backUp` of the storage. */
export function backUpDatabase(task: DatabaseTask & { readonly overwrite: boolean }): BackupReport {
  return backUp({ ...task, path: databasePath(task.settings), files: diskFiles });
}

/** Puts a backup in place of the settings' database: see `restore` of the storage. */
export function restoreDatabase(task: DatabaseTask): RestoreReport {
  return restore({ ...task, path: databasePath(task.settings), files: diskFiles });
}

export interface MigrationTask
  extends Pick<MoveOptions, "path" | "url" | "urlName" | "clock" | "onProgress"> {
  readonly settings: Settings;
}

/** Moves a database of SQLite to PostgreSQL: see `move` of the storage. */
export function migrateDatabase({ settings, ...task }: MigrationTask): Promise<MoveReport> {
  const { statementTimeoutMs, busyTimeoutMs } = settings.database;
  return move({ ...task, statementTimeoutMs, busyTimeoutMs });
}

function databasePath({ database }: Settings): string {
  const { url } = database;
  if (url === "memory:") {
    throw new AppError(
      "INVALID_CONFIGURATION",
      "database.url is memory:, of which nothing is kept: there is no database to back up or restore.",
    );
  }
  if (isPostgresUrl(url)) {
    throw new AppError(
      "INVALID_CONFIGURATION",
      "database.url is one of PostgreSQL, which is backed up and restored by its own tools: pg_dump and pg_restore, or pg_basebackup.",
    );
  }
  return url.slice("sqlite:".length);
}
