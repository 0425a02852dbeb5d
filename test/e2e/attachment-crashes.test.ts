import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { launchClocked } from "../chaos/faults/clocked-server.ts";
import {
  type ParleyProcess,
  runParley,
  startParley,
  temporaryDir,
} from "../support/parley-process.ts";
import { jpeg } from "../support/pictures.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { askAs } from "../support/server-api.ts";
import { linksOf, upload, uploaded } from "../support/uploads.ts";

const HOUR_MS = 3_600_000;
const SWEEPING = ["--attachments-sweep-ms", "10"];

let dataDir: string;
beforeEach(() => {
  dataDir = temporaryDir();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** What is there beside the secret of links: kept files, and those that come in. */
function files(): string[] {
  const found = [...new Bun.Glob("attachments/**/*").scanSync({ cwd: dataDir })];
  const names = found.map((path) => path.slice("attachments/".length));
  return names.filter((name) => name !== "link-secret").sort();
}

function filesOf(...ids: string[]): string[] {
  return ids.map((id) => `${id.slice(-2)}/${id}`).sort();
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function sent(
  server: ParleyProcess,
  conversationId: string,
  attachments: readonly string[],
): Promise<string> {
  const path = `/api/conversations/${conversationId}/messages`;
  const answer = await askAs(server, "alice", path, "POST", { recipientId: "bob", attachments });
  expect(answer.status).toBe(201);
  return (await answer.json()).id;
}

test("what was taken outlives kill -9: it can be sent, and the links to what was sent hold", async () => {
  const first = await startParley({ dataDir, flags: SWEEPING });
  const [bound, free] = [
    await uploaded(first, "alice", "bound"),
    await uploaded(first, "alice", "free"),
  ];
  await sent(first, "c1", [bound.id]);
  const { url } = await linksOf(first, "bob", bound.id);
  await first.kill();
  const second = await startParley({ dataDir, flags: SWEEPING });
  expect(await (await fetch(second.url + url)).text()).toBe("bound");
  await sent(second, "c1", [free.id]);
  const links = await linksOf(second, "bob", free.id);
  expect(await (await fetch(second.url + links.url)).text()).toBe("free");
  expect(await second.stop()).toBe(0);
  expect(files()).toEqual(filesOf(bound.id, free.id));
});

test("of an upload that kill -9 broke off nothing is left after the next start", async () => {
  const first = await startParley({ dataDir });
  const socket = await RawSocket.open(first.port);
  const head = ["Host: 127.0.0.1", "X-User-Id: alice", "Content-Length: 900000", "", "half"];
  socket.write(["POST /api/attachments HTTP/1.1", ...head].join("\r\n"));
  await until(() => files().some((name) => name.startsWith("incoming/")));
  await first.kill();
  expect(files()).toHaveLength(1);
  const second = await startParley({ dataDir });
  expect(files()).toEqual([]);
  expect(await second.stop()).toBe(0);
});

test("files of a deleted message go, also when kill -9 comes between, and no others", async () => {
  const late = await startParley({ dataDir, flags: ["--attachments-sweep-ms", "3600000"] });
  const deleted = await uploaded(late, "alice", await jpeg(64, 64), "picture");
  const stays = await uploaded(late, "alice", "stays");
  const messageId = await sent(late, "c1", [deleted.id]);
  await sent(late, "c1", [stays.id]);
  expect(files()).toHaveLength(3);
  expect((await askAs(late, "alice", `/api/messages/${messageId}`, "DELETE")).status).toBe(204);
  await late.kill();
  expect(files()).toHaveLength(3);
  const second = await startParley({ dataDir, flags: SWEEPING });
  await until(() => files().length === 1);
  expect(await second.stop()).toBe(0);
  expect(files()).toEqual(filesOf(stays.id));
});

test("kill -9 at any moment of uploads and deletions leaves no file for good, and takes none away", async () => {
  const kept = new Set<string>();
  for (let run = 0; run < 4; run += 1) {
    const server = await startParley({ dataDir, flags: SWEEPING });
    let isOver = false;
    const ignore = () => {};
    const busy = Array.from({ length: 4 }, async (_, worker) => {
      for (let count = 0; !isOver; count += 1) {
        const content = `${run} ${worker} ${count}`;
        const { id } = await uploaded(server, `u${worker}`, content);
        const path = `/api/conversations/c${worker}/messages`;
        const body = { recipientId: "bob", attachments: [id] };
        const answer = await askAs(server, `u${worker}`, path, "POST", body);
        const message = await answer.json();
        if (answer.status !== 201) continue;
        if (count % 2 === 0) {
          kept.add(id);
          continue;
        }
        await askAs(server, `u${worker}`, `/api/messages/${message.id}`, "DELETE");
      }
    });
    const ended = Promise.all(busy.map((one) => one.catch(ignore)));
    await until(() => kept.size >= 20 * (run + 1));
    await server.kill();
    isOver = true;
    await ended;
  }
  // What was never sent goes in its time; what was, stays.
  const last = await startParley({
    dataDir,
    flags: [...SWEEPING, "--attachments-per-minute", "0"],
  });
  for (const id of kept) {
    const answer = await askAs(last, "bob", `/api/attachments/${id}`);
    expect([id, answer.status]).toEqual([id, 200]);
    const { url } = await answer.json();
    expect((await fetch(last.url + url)).status).toBe(200);
  }
  expect(await last.stop()).toBe(0);
  const afterwards = await launchClocked({
    ...{ dataDir, env: { PARLEY_ATTACHMENTS_SWEEP_MS: "10" } },
  });
  await afterwards.setClock(25 * HOUR_MS);
  const history = async (worker: number) => {
    const path = `/api/conversations/c${worker}/messages?limit=200`;
    const { messages } = await (await askAs(afterwards, "bob", path)).json();
    return messages.flatMap(({ attachments = [] }) =>
      attachments.map(({ id }: { id: string }) => id),
    );
  };
  const shown = (await Promise.all([0, 1, 2, 3].map(history))).flat();
  await until(() => files().length === shown.length);
  expect(files()).toEqual(filesOf(...shown));
  expect(new Set(shown).isSupersetOf(kept)).toBe(true);
  await afterwards.stop();
}, 60_000);

test("a file that nobody sends goes after a day, and links end in their time", async () => {
  const server = await launchClocked({ dataDir, env: { PARLEY_ATTACHMENTS_SWEEP_MS: "10" } });
  const free = await uploaded(server, "alice", "free");
  const bound = await uploaded(server, "alice", "bound");
  await sent(server, "c1", [bound.id]);
  const { url } = await linksOf(server, "bob", bound.id);
  await server.setClock(23 * HOUR_MS);
  const expired = await fetch(server.url + url);
  expect([expired.status, (await expired.json()).code]).toEqual([403, "LINK_REFUSED"]);
  expect(files()).toEqual(filesOf(free.id, bound.id));
  await server.setClock(25 * HOUR_MS);
  await until(() => files().length === 1);
  expect(files()).toEqual(filesOf(bound.id));
  expect((await askAs(server, "alice", `/api/attachments/${free.id}`)).status).toBe(404);
  const anew = await linksOf(server, "bob", bound.id);
  expect(await (await fetch(server.url + anew.url)).text()).toBe("bound");
  await server.stop();
});

test("a file goes with its message when that disappears, also where a link would still hold", async () => {
  const env = { PARLEY_ATTACHMENTS_LINK_MS: `${48 * HOUR_MS}` };
  const server = await launchClocked({ dataDir, env });
  const { id } = await uploaded(server, "alice", "for a minute");
  // Made before there was a message.
  const { url } = await linksOf(server, "alice", id);
  const path = "/api/conversations/c1/messages";
  const body = { recipientId: "bob", attachments: [id], disappearAfterSeconds: 60 };
  expect((await askAs(server, "alice", path, "POST", body)).status).toBe(201);
  expect(await (await fetch(server.url + url)).text()).toBe("for a minute");
  await server.setClock(HOUR_MS);
  const gone = await fetch(server.url + url);
  expect([gone.status, (await gone.json()).code]).toEqual([404, "ATTACHMENT_NOT_FOUND"]);
  expect((await askAs(server, "bob", `/api/attachments/${id}`)).status).toBe(404);
  await server.stop();
});

test("retention takes files with their messages", async () => {
  const flags = ["--retention-messages-per-conversation", "1", "--retention-interval-ms", "100"];
  const server = await startParley({ dataDir, flags: [...flags, ...SWEEPING] });
  const ids: string[] = [];
  for (const content of ["first", "second"]) {
    const { id } = await uploaded(server, "alice", content);
    ids.push(id);
    await sent(server, "c1", [id]);
  }
  await until(() => files().length === 1);
  expect(files()).toEqual(filesOf(ids[1] ?? ""));
  expect(await server.stop()).toBe(0);
});

describe("a server that keeps nothing", () => {
  const flags = ["--database-url", "memory:"];
  let temporary: string;
  beforeEach(() => {
    temporary = temporaryDir();
  });
  afterEach(() => rmSync(temporary, { recursive: true, force: true }));

  const start = () => startParley({ dataDir, flags, env: { TMPDIR: temporary } });
  const temporaryFiles = () => [
    ...new Bun.Glob("**/*").scanSync({ cwd: temporary, onlyFiles: false }),
  ];

  /** A file that was sent, and is had by its link. */
  async function served(server: ParleyProcess) {
    const { id } = await uploaded(server, "alice", "for a while");
    await sent(server, "c1", [id]);
    const { url } = await linksOf(server, "bob", id);
    const text = async () => await (await fetch(server.url + url)).text();
    expect(await text()).toBe("for a while");
    return text;
  }

  test("leaves no file either", async () => {
    const server = await start();
    expect(temporaryFiles()).toEqual([]);
    await served(server);
    expect(temporaryFiles()).not.toEqual([]);
    expect(await server.stop()).toBe(0);
    expect(temporaryFiles()).toEqual([]);
    expect(files()).toEqual([]);
  });

  test("has its files removed at the next start after kill -9, and others keep theirs", async () => {
    const [killed, living] = [await start(), await start()];
    await served(killed);
    const text = await served(living);
    await killed.kill();
    const folders = () => temporaryFiles().filter((name) => !name.includes("/"));
    expect(folders()).toHaveLength(2);
    const next = await start();
    expect(folders()).toHaveLength(1);
    expect(await text()).toBe("for a while");
    expect(await living.stop()).toBe(0);
    expect(await next.stop()).toBe(0);
    expect(temporaryFiles()).toEqual([]);
  });
});

test("a server without files takes none, and gives none away", async () => {
  const server = await startParley({ dataDir, flags: ["--attachments-store", "off"] });
  expect((await upload(server, "alice", "text", "text")).status).toBe(404);
  expect(await server.stop()).toBe(0);
  expect(files()).toEqual([]);
});

test("nothing is on disk before it is needed, and the secret of links is nobody else's to read", async () => {
  const server = await startParley({ dataDir });
  expect(existsSync(join(dataDir, "attachments"))).toBe(false);
  const { id } = await uploaded(server, "alice", "text");
  await linksOf(server, "alice", id);
  const secret = readFileSync(join(dataDir, "attachments/link-secret"), "utf8");
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  const { mode } = await Bun.file(join(dataDir, "attachments/link-secret")).stat();
  expect(mode & 0o077).toBe(0);
  expect(server.log()).not.toContain(secret);
  expect(await server.stop()).toBe(0);
});

test("a bucket needs a name and keys", async () => {
  const { exitCode, stderr } = await runParley("serve", "--attachments-store", "s3");
  expect(exitCode).not.toBe(0);
  for (const name of ["s3_bucket", "s3_access_key_id", "s3_secret_access_key"]) {
    expect(stderr).toContain(`attachments.${name} has`.replace("s3_bucket has", "s3_bucket is"));
  }
});
