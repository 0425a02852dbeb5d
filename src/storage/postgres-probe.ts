import type { PostgresWrites } from "./postgres-writes.ts";

/** As much as a message of the largest size that is taken by default. */
const PROBE_BYTES = 128 * 1024;

/** Writes something durably, and takes it away. Rejects with AppError STORAGE_UNAVAILABLE. */
export async function probe(writes: PostgresWrites): Promise<void> {
  await writes.write((query) =>
    // Bytes that are not compressed take the room of a message.
    query(
      "INSERT INTO probes (content) SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, $1::bigint) AS n",
      [PROBE_BYTES / 32],
    ),
  );
  await writes.write((query) => query("DELETE FROM probes"));
}
