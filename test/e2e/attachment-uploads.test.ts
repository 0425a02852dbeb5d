import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Glob, S3Client } from "bun";
import { canFailDisks, setDiskFailing, withoutFileSizeSignal } from "../support/failing-disk.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { jpeg } from "../support/pictures.ts";
import { RawSocket } from "../support/raw-socket.ts";
import { type S3Server, startS3 } from "../support/s3-server.ts";
import { answerOf, askAs } from "../support/server-api.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { linksOf, upload, uploaded } from "../support/uploads.ts";

test("a file may come slower than other bodies, and its connection is not kept any longer after it", async () => {
  const server = await startParley({ flags: ["--limits-request-ms", "1000"] });
  const begun = async (path: string): Promise<RawSocket> => {
    const socket = await RawSocket.open(server.port);
    const head = ["Host: 127.0.0.1", "X-User-Id: alice", "Content-Length: 1000", "", "half "];
    socket.write([`POST ${path} HTTP/1.1`, ...head].join("\r\n"));
    return socket;
  };
  const file = await begun("/api/attachments");
  const stalled = await begun("/api/attachments");
  const other = await begun("/api/conversations");
  let left = 995;
  const slowly = setInterval(() => {
    left -= 1;
    file.write("a");
  }, 100);
  await other.closed;
  clearInterval(slowly);
  file.write("a".repeat(left));
  await file.answered();
  await stalled.until("UPLOAD_INCOMPLETE");
  expect(stalled.text).toStartWith("HTTP/1.1 408");
  expect(file.text).toStartWith("HTTP/1.1 201");
  await file.closed;
  expect(await server.stop()).toBe(0);
}, 60_000);

test("a file that does not come in its time is given up", async () => {
  const server = await startParley({ flags: ["--attachments-upload-ms", "1000"] });
  const socket = await RawSocket.open(server.port);
  const head = ["Host: 127.0.0.1", "X-User-Id: alice", "Content-Length: 10", "", "half "];
  socket.write(["POST /api/attachments HTTP/1.1", ...head].join("\r\n"));
  await socket.until("UPLOAD_INCOMPLETE");
  expect(socket.text).toStartWith("HTTP/1.1 408");
  expect(await server.stop()).toBe(0);
});

test.skipIf(!canFailDisks)(
  "a disk that fails is told of, leaves nothing, and is written to again",
  async () => {
    const server = await startParley({
      within: withoutFileSizeSignal,
      flags: ["--attachments-per-minute", "0"],
    });
    const files = () => [...new Bun.Glob("attachments/**/*").scanSync(server.dataDir)];
    setDiskFailing(server.pid, true);
    const { status, body } = await answerOf(await upload(server, "alice", "lost", "lost"));
    expect([status, body.code]).toEqual([503, "STORAGE_UNAVAILABLE"]);
    expect(files()).toEqual([]);
    setDiskFailing(server.pid, false);
    // The store of messages is tried again by itself.
    for (;;) {
      const again = await upload(server, "alice", "kept", "kept");
      if (again.status === 201) break;
      expect(again.status).toBe(503);
      await again.body?.cancel();
    }
    expect(files()).toHaveLength(1);
    expect(await server.stop()).toBe(0);
  },
);

test("large files that come at once are not held in memory", async () => {
  const bytes = 150_000_000;
  const flags = ["--attachments-max-bytes", `${bytes}`];
  const server = await startParley({ flags });
  const rss = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]);
  await uploaded(server, "alice", "warm");
  const before = rss();
  const content = Buffer.alloc(bytes, "%PDF-1.7\n");
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => upload(server, "alice", content, "large")),
  );
  for (const answer of answers) expect(answer.status).toBe(201);
  expect(rss() - before).toBeLessThan((3 * bytes) / 1024 / 2);
  expect(await server.stop()).toBe(0);
}, 60_000);

test("files that were on disk are served from a bucket they were copied to, by the links of before", async () => {
  using folder = new TemporaryFolder();
  const bucket = startS3();
  const account = {
    ...{ endpoint: bucket.endpoint, bucket: bucket.bucket, region: bucket.region },
    ...{ accessKeyId: bucket.accessKeyId, secretAccessKey: bucket.secretAccessKey },
  };
  const picture = await jpeg(900, 300);
  const before = await startParley({ dataDir: folder.path });
  const { id } = await uploaded(before, "alice", picture, "moved.jpg");
  const { url, thumbnailUrl = "" } = await linksOf(before, "alice", id);
  const thumbnail = await (await fetch(before.url + thumbnailUrl)).bytes();
  expect(await before.stop()).toBe(0);

  const files = folder.file("attachments");
  const names = new Glob("*/*").scanSync(files);
  const tool = new S3Client(account);
  for (const name of names) {
    const put = tool.presign(`chat/${name}`, { method: "PUT" });
    await fetch(put, { method: "PUT", body: Bun.file(join(files, name)) });
  }
  const secret = readFileSync(join(files, "link-secret"), "utf8");
  rmSync(files, { recursive: true });
  const after = await startParley({
    dataDir: folder.path,
    env: { ...inBucket(bucket), PARLEY_ATTACHMENTS_LINK_SECRET: secret },
  });
  try {
    expect(await (await fetch(after.url + url)).bytes()).toEqual(new Uint8Array(picture));
    expect(await (await fetch(after.url + thumbnailUrl)).bytes()).toEqual(thumbnail);
  } finally {
    expect(await after.stop()).toBe(0);
    await bucket.stop();
  }
});

/** Settings of a server whose files are there. */
function inBucket(bucket: S3Server): Record<string, string> {
  return {
    PARLEY_ATTACHMENTS_STORE: "s3",
    PARLEY_ATTACHMENTS_S3_ENDPOINT: bucket.endpoint,
    PARLEY_ATTACHMENTS_S3_BUCKET: bucket.bucket,
    PARLEY_ATTACHMENTS_S3_REGION: bucket.region,
    PARLEY_ATTACHMENTS_S3_ACCESS_KEY_ID: bucket.accessKeyId,
    PARLEY_ATTACHMENTS_S3_SECRET_ACCESS_KEY: bucket.secretAccessKey,
    PARLEY_ATTACHMENTS_S3_PREFIX: "chat/",
  };
}

describe("a bucket of S3", () => {
  let bucket: S3Server;
  let server: ParleyProcess;

  beforeAll(async () => {
    bucket = startS3();
    server = await startParley({
      env: { ...inBucket(bucket), PARLEY_ATTACHMENTS_SWEEP_MS: "10" },
    });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
    await bucket.stop();
  });

  test("has files that are served, and removed, as those on disk", async () => {
    const picture = await jpeg(900, 300);
    const { id } = await uploaded(server, "alice", picture, "in a bucket.jpg");
    const key = `chat/${id.slice(-2)}/${id}`;
    expect([...bucket.objects.keys()].sort()).toEqual([key, `${key}.thumbnail`]);
    const path = "/api/conversations/s3/messages";
    const body = { recipientId: "bob", attachments: [id] };
    const sent = await answerOf(await askAs(server, "alice", path, "POST", body));
    const { url, thumbnailUrl } = await linksOf(server, "bob", id);
    const whole = await fetch(server.url + url);
    expect(Buffer.from(await whole.bytes()).equals(picture)).toBe(true);
    const part = await fetch(server.url + url, { headers: { range: "bytes=10-19" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([
      ...[206, `bytes 10-19/${picture.length}`],
    ]);
    expect(Buffer.from(await part.bytes()).equals(picture.subarray(10, 20))).toBe(true);
    const thumbnail = await (await fetch(server.url + thumbnailUrl)).bytes();
    expect(await new Bun.Image(thumbnail).metadata()).toMatchObject({ width: 512, height: 171 });
    await askAs(server, "alice", `/api/messages/${sent.body.id}`, "DELETE");
    while (bucket.objects.size > 0) await new Promise(setImmediate);
  });

  test("that fails is told of as a store that does, and is asked again", async () => {
    const kept = await uploaded(server, "alice", "kept");
    bucket.fail(503);
    const { url } = await linksOf(server, "alice", kept.id);
    for (const answer of [
      await upload(server, "alice", "lost", "lost"),
      await fetch(server.url + url),
    ]) {
      const { status, body } = await answerOf(answer);
      expect([status, body.code]).toEqual([503, "STORAGE_UNAVAILABLE"]);
      expect(JSON.stringify(body)).not.toMatch(/parley-files|AKIA|127\.0\.0\.1/);
    }
    const told = () =>
      server
        .log()
        .split("\n")
        .map((line) => JSON.parse(line).msg);
    const failing = "The store of files fails: what needs it is refused";
    expect(told().filter((line) => line === failing)).toHaveLength(1);
    expect(server.log()).toContain("S3 answers PUT with 503");
    bucket.fail(null);
    expect(await (await fetch(server.url + url)).text()).toBe("kept");
    while (!told().includes("The store of files works again")) await new Promise(setImmediate);
    expect(server.log()).not.toContain(bucket.secretAccessKey);
    expect(server.log()).not.toContain("X-Amz-Signature");
  });
});
