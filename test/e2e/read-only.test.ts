import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { BINARY, type ParleyProcess, startParley } from "../support/parley-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

setDefaultTimeout(60_000);

const UID = 10_001;

/**
 * Becomes its arguments, as a container with `read_only` and `cap_drop: ALL` runs them: without root
 * and its capabilities, in a mount namespace where nothing but the folder $DATA can be written.
 */
const CONTAINED = `
  mount --bind "$DATA" "$DATA" || exit 1
  while read -r _ point _; do
    case $point in
      "$DATA"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;;
      *) mount -o remount,bind,ro "$point" || exit 1 ;;
    esac
  done < /proc/self/mounts
  if touch /tmp/probe /var/tmp/probe /probe 2> /dev/null; then exit 1; fi
  shift # The binary where this user may not find it.
  exec setpriv --reuid ${UID} --regid ${UID} --clear-groups --no-new-privs \\
    --bounding-set -all --inh-caps -all --pdeathsig KILL "$COPY" "$@"
`;

let server: ParleyProcess | null = null;
afterEach(async () => {
  await server?.kill();
  server = null;
});

// Mounts are root's to make.
test.skipIf(process.getuid?.() !== 0)(
  "without root, and with a file system of which only the data folder can be written",
  async () => {
    using folder = new TemporaryFolder();
    chmodSync(folder.path, 0o755);
    const dataDir = folder.file("data");
    mkdirSync(dataDir, { mode: 0o700 });
    chownSync(dataDir, UID, UID);
    const binary = folder.file("parley");
    copyFileSync(BINARY, binary);
    chmodSync(binary, 0o755);
    server = await startParley({
      dataDir,
      env: { DATA: dataDir, COPY: binary },
      prefix: ["unshare", "--mount", "sh", "-c", CONTAINED, "sh"],
    });
    const status = await Bun.file(`/proc/${server.pid}/status`).text();
    expect(status).toMatch(new RegExp(`^Uid:\\s+${UID}\\s`, "m"));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);

    const alice = await RawClient.connect(server.wsUrl, "alice");
    const body = JSON.stringify({ conversationId: "c", recipientId: "bob", content: "kept" });
    await alice.confirmed("SEND", { destination: "/app/chat.send" }, body);
    const page = await fetch(server.url);
    expect(page.status).toBe(200);
    const path = "/api/conversations/c/messages";
    const history = await fetch(server.url + path, { headers: { "X-User-Id": "bob" } });
    expect(await history.json()).toMatchObject({ messages: [{ content: "kept" }] });
    expect(readdirSync(dataDir)).toContain("parley.db");
    expect(await server.stop()).toBe(0);
  },
);
