import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ChatWrites } from "../../src/storage/sqlite-chat-writes.ts";
import { knock } from "../support/doors.ts";
import { type ParleyProcess, startParley, temporaryDir } from "../support/parley-process.ts";
import { askInNameOf } from "../support/server-api.ts";
import { batch, conversation, messages } from "../support/stored.ts";
import { API_KEY } from "../support/tokens.ts";

/** More than are erased in the time that a kill takes. */
const MANY = 20_000;
const options = { env: { PARLEY_API_KEYS: API_KEY } };

const ask = (server: ParleyProcess, userId: string | null, method: string, path: string) =>
  askInNameOf(server, userId, method, path);

test("a removal that a kill interrupts is gone on with at the next start, to its end", async () => {
  const dataDir = temporaryDir();
  const path = join(dataDir, "parley.db");
  expect(await (await startParley({ dataDir, ...options })).stop()).toBe(0);
  using filled = new Database(path);
  filled.transaction(() => {
    const said = messages(MANY).map((message, index) => ({
      ...{ ...message, content: "secret", clientMessageId: index % 2 === 0 ? `c${index}` : null },
    }));
    new ChatWrites(filled).apply(batch({ conversations: [conversation()], messages: said }));
  })();
  filled.close();

  const first = await startParley({ dataDir, ...options });
  expect((await ask(first, null, "DELETE", "/api/users/alice")).status).toBe(202);
  const erasure = async (server: ParleyProcess) =>
    (await ask(server, null, "GET", "/api/users/alice/erasure")).body;
  while ((await erasure(first)).erasedMessages === 0);
  await first.kill();

  const secretsIn = (db: Database) =>
    db
      .query<{ count: number }, []>(
        "SELECT count(*) AS count FROM messages WHERE content = 'secret'",
      )
      .get()?.count ?? Number.NaN;
  {
    using left = new Database(path);
    expect(secretsIn(left)).toBeGreaterThan(0);
    expect(secretsIn(left)).toBeLessThan(MANY);
  }

  const second = await startParley({ dataDir, ...options });
  // Until it is done, nothing is done in their name.
  const early = await ask(second, "alice", "GET", "/api/conversations");
  expect(early.body.code).toBe("USER_BEING_ERASED");
  const connect = { "X-User-Id": "alice" };
  expect(await knock(second, "websocket", { connect })).toMatchObject({
    ...{ code: "USER_BEING_ERASED", closeCode: 1013 },
  });
  let now = await erasure(second);
  while (now.status !== "DONE") now = await erasure(second);
  expect(now.erasedMessages).toBe(MANY);
  const list = await ask(second, "bob", "GET", "/api/conversations");
  expect(list.body.conversations).toMatchObject([
    { lastSeq: MANY + 1, lastMessage: { type: "USER_ERASED" } },
  ]);
  expect(await second.stop()).toBe(0);
  {
    using erased = new Database(path);
    expect(secretsIn(erased)).toBe(0);
  }
  rmSync(dataDir, { recursive: true });
}, 60_000);
