/**
 * `npm test`: brings what the tests need (Chromium, HAProxy, NATS, nginx, PostgreSQL, RabbitMQ, Redis,
 * stomp.py, the binary), runs them, and ends with the line `N passed, N failed`, counted from the
 * runner's own report.
 *
 * Arguments are passed on to `bun test`, for instance a path: `npm test -- test/stomp`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { natsProgram } from "./support/nats-server.ts";
import { postgresFolder } from "./support/postgres-server.ts";
import { rabbitmqFolder } from "./support/rabbitmq-server.ts";
import { bringStompPy } from "./support/stomp-py.ts";

const root = resolve(import.meta.dir, "..");
const CHROMIUM = "/usr/bin/chromium";
/** Files of tests at a time: each may have a browser, a database and several servers. */
const MOST_WORKERS = 4;

function run(command: readonly string[], env: Record<string, string> = {}): number {
  const child = Bun.spawnSync([...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return child.exitCode;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && Bun.which("apt-get") !== null;
}

function install(...packages: string[]): void {
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  run(["apt-get", "update", "-q"], quiet);
  run(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...packages], quiet);
}

function bringChromium(): void {
  if (existsSync(CHROMIUM)) return;
  if (canInstall()) {
    console.log("Chromium is missing; installing it for the tests of the page");
    install("chromium");
  }
  if (!existsSync(CHROMIUM)) {
    fail(`The tests of the page need Chromium at ${CHROMIUM} (Debian: apt-get install chromium)`);
  }
}

function bringNginx(): void {
  const find = () => Bun.which("nginx", { PATH: `${process.env.PATH}:/usr/sbin` });
  if (find() !== null) return;
  if (canInstall()) {
    console.log("nginx is missing; installing it for the tests of the documented reverse proxy");
    install("nginx-light");
  }
  if (find() === null) {
    fail("The tests of the reverse proxy need nginx (Debian: apt-get install nginx-light)");
  }
}

function bringHaproxy(): void {
  const find = () => Bun.which("haproxy", { PATH: `${process.env.PATH}:/usr/sbin` });
  if (find() !== null) return;
  if (canInstall()) {
    console.log("HAProxy is missing; installing it for the tests of the documented load balancers");
    install("haproxy");
  }
  if (find() === null) {
    fail("The tests of load balancers need HAProxy 2.6 (Debian: apt-get install haproxy)");
  }
}

function bringPgBouncer(): void {
  const find = () => Bun.which("pgbouncer", { PATH: `${process.env.PATH}:/usr/sbin` });
  if (find() !== null) return;
  if (canInstall()) {
    console.log("PgBouncer is missing; installing it for the tests of connection poolers");
    install("pgbouncer");
  }
  if (find() === null) {
    fail("The tests of connection poolers need PgBouncer (Debian: apt-get install pgbouncer)");
  }
}

function bringPostgres(): void {
  if (postgresFolder() !== null) return;
  if (canInstall()) {
    console.log("PostgreSQL is missing; installing it for the tests of the storage in it");
    install("postgresql");
  }
  if (postgresFolder() === null) {
    fail("The tests of the storage need PostgreSQL (Debian: apt-get install postgresql)");
  }
}

function bringRedis(): void {
  const find = () => Bun.which("redis-server") !== null && Bun.which("redis-cli") !== null;
  if (find()) return;
  if (canInstall()) {
    console.log("Redis is missing; installing it for the tests of several nodes");
    install("redis-server");
  }
  if (!find()) {
    fail("The tests of several nodes need redis-server (Debian: apt-get install redis-server)");
  }
}

function bringRabbitMq(): void {
  if (rabbitmqFolder() !== null) return;
  if (canInstall()) {
    console.log("RabbitMQ is missing; installing it for the tests of several nodes");
    install("rabbitmq-server");
  }
  if (rabbitmqFolder() === null) {
    fail("The tests of several nodes need RabbitMQ (Debian: apt-get install rabbitmq-server)");
  }
}

function bringNats(): void {
  if (natsProgram() !== null) return;
  if (canInstall()) {
    console.log("NATS is missing; installing it for the tests of several nodes");
    install("nats-server");
  }
  if (natsProgram() === null) {
    fail("The tests of several nodes need nats-server (Debian: apt-get install nats-server)");
  }
}

/** A second attempt only where the system's package manager can have changed something. */
function bringPythonClient(): void {
  let missing = bringStompPy();
  const hasPip = Bun.spawnSync(["sh", "-c", "python3 -m pip --version"]).exitCode === 0;
  if (missing !== null && !hasPip && canInstall()) {
    console.log("Python's pip is missing; installing it for the tests of STOMP over TCP");
    install("python3", "python3-pip");
    missing = bringStompPy();
  }
  if (missing !== null) {
    fail(
      "The tests of STOMP over TCP need Python 3.10 with pip and the packages of " +
        `test/stomp-py/requirements.txt (Debian: apt-get install python3 python3-pip): ${missing}`,
    );
  }
}

function buildBinary(): void {
  if (run([process.execPath, "run", "build"]) !== 0) fail("The binary could not be built");
}

/** Attributes of the report's root element, such as `tests="12" failures="0" skipped="0"`. */
function countsOf(report: string): { tests: number; failures: number; skipped: number } {
  const element = /<testsuites\b[^>]*>/.exec(report)?.[0] ?? fail("The test report has no counts");
  const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(element)?.[1] ?? 0);
  return { tests: count("tests"), failures: count("failures"), skipped: count("skipped") };
}

bringChromium();
bringNginx();
bringHaproxy();
bringPostgres();
bringPgBouncer();
bringRedis();
bringRabbitMq();
bringNats();
bringPythonClient();
buildBinary();
const folder = mkdtempSync(join(tmpdir(), "parley-report-"));
const reportFile = join(folder, "junit.xml");
// Most of a test's time is waiting, for a server, a disk or a browser: files go side by side.
const workers = Math.min(availableParallelism(), MOST_WORKERS);
const exitCode = run([
  ...[
    process.execPath,
    "test",
    "--timeout=60000",
    `--parallel=${workers}`,
    "--reporter=junit",
    `--reporter-outfile=${reportFile}`,
  ],
  ...process.argv.slice(2),
]);
if (!existsSync(reportFile)) fail("The test runner wrote no report");
const { tests, failures, skipped } = countsOf(readFileSync(reportFile, "utf8"));
rmSync(folder, { recursive: true });
// A file that cannot even be loaded fails the run without failing a test.
const failed = exitCode !== 0 && failures === 0 ? 1 : failures;
const passed = tests - failures - skipped;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
