import { SQL } from "bun";
import { LEASE_MS, sharedQueueStoreContract } from "../contract/shared-queue-store.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemorySharedQueues } from "../support/memory-shared-queues.ts";
import { postgresDatabases } from "../support/postgres-databases.ts";

sharedQueueStoreContract("the store of the tests", async () => {
  const clock = new FakeClock();
  const store = new MemorySharedQueues(clock);
  const expire = async () => clock.advance(LEASE_MS + 1);
  return { store, expire, close: async () => {} };
});

sharedQueueStoreContract("the PostgreSQL store", async () => {
  const databases = await postgresDatabases();
  const storage = await databases.open();
  const store = storage.sharedQueues;
  if (store === null) throw new TypeError("PostgreSQL is for several nodes");
  const sql = new SQL({ url: databases.sharedUrl, max: 1 });
  // The database's own clock decides: it is the time in the row that moves.
  const expire = async () => {
    await sql.unsafe(`
      UPDATE parley.queue_leases SET expires = expires - interval '${LEASE_MS + 1} milliseconds'`);
  };
  const close = async () => {
    await Promise.all([storage.close(), sql.close({ timeout: 1 })]);
  };
  return { store, expire, close };
});
