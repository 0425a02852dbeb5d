import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type ParleyProcess, startParley, temporaryDir } from "./support/parley-process.ts";

const ROOT = resolve(import.meta.dir, "..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

let server: ParleyProcess;
let project: string;

beforeAll(async () => {
  server = await startParley();
  project = temporaryDir(); // A user's own project, with the libraries installed.
  symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
});

afterAll(async () => {
  rmSync(project, { recursive: true });
  expect(await server.stop()).toBe(0);
});

function snippets(language: string): string[] {
  return [...README.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, code]) => (code ?? "").replaceAll("http://localhost:8080", server.url),
  );
}

/** Runs the program until it has printed all of the lines, then ends it. */
async function runUntilPrinted(command: string[], lines: readonly string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: project, stdout: "pipe", stderr: "inherit" });
  let printed = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    printed += decoder.decode(bytes, { stream: true });
    if (lines.every((line) => printed.includes(line))) break;
  }
  child.kill("SIGKILL");
  await child.exited;
  return printed;
}

test("the first example runs as it stands, under Node, against the binary", async () => {
  const [example, ...others] = snippets("js");
  expect(others).toEqual([]);
  const file = join(project, "example.mjs");
  writeFileSync(file, example ?? "");
  const expected = [
    'alice got "Hello, I am bob" from bob',
    'bob got "Hello, I am alice" from alice',
    "alice's message is SENT",
    "alice's message is DELIVERED",
    "bob's message is SENT",
    "bob's message is DELIVERED",
  ];
  const printed = await runUntilPrinted(["node", file], expected);
  for (const line of expected) expect(printed).toContain(line);
});

test("what it shows of nginx's configuration is what the tests run", () => {
  const [shown = "", ...others] = snippets("nginx");
  expect(others).toEqual([]);
  const whole = readFileSync(join(ROOT, "docs/examples/nginx.conf"), "utf8");
  const lines = whole.split("\n").filter((line) => !/^\s*(?:#.*)?$/.test(line));
  const from = lines.findIndex((line) => line.trim() === "location / {");
  const location = lines.slice(from, -1).map((line) => line.replace(/^ {4}/, ""));
  expect(shown.trimEnd().split("\n")).toEqual(location);
});

test("the history is there as the README asks for it", async () => {
  const command = snippets("sh").find((snippet) => snippet.startsWith("curl"));
  const child = Bun.spawnSync([
    "sh",
    "-c",
    `${command} --silent --fail --noproxy '*'`.replace("\n", " "),
  ]);
  const history: { messages: { seq: number; content: string }[] } = JSON.parse(
    child.stdout.toString(),
  );
  expect(history.messages.map((message) => message.seq)).toEqual([1, 2]);
});

test("the backup that the README makes, of the server that runs, can be restored as it says", () => {
  const commands = snippets("sh").find((snippet) => snippet.includes("parley backup")) ?? "";
  symlinkSync(join(ROOT, "dist"), join(project, "dist"));
  const child = Bun.spawnSync(["sh", "-ec", commands], {
    cwd: project,
    env: { PATH: process.env.PATH ?? "", PARLEY_DATA_DIR: server.dataDir },
  });
  expect(child.stderr.toString()).toBe("");
  expect(child.stdout.toString()).toMatch(
    /^\S+night\.db: .* 1 conversations, 2 messages, .*\n\S+restored\/parley\.db: .* 2 messages, .*\n$/,
  );
  expect(child.exitCode).toBe(0);
});

test("the deployment's commands are commands of the binary", () => {
  const block = snippets("sh").find((snippet) => snippet.includes("PARLEY_JWT_SECRET")) ?? "";
  const untilServe = block
    .split("\n")
    .filter((line) => !line.includes("serve"))
    .join("\n");
  const child = Bun.spawnSync(["sh", "-ec", untilServe], { cwd: ROOT });
  expect(child.stdout.toString().split(".")).toHaveLength(3);
  expect(child.exitCode).toBe(0);
});

test("every npm script and file that the README names exists", () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(join(ROOT, "package.json"), "utf8"),
  );
  const named = [...README.matchAll(/npm (?:run )?(start|test|build|bench)\b/g)].map(
    ([, name]) => name ?? "",
  );
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path ?? "");
  expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
