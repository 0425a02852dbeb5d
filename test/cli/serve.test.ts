import { describe, expect, test } from "bun:test";
import type { StartServer } from "../../src/cli.ts";
import { AppError } from "../../src/errors.ts";
import { fakeServer, logLines, run, SECRET } from "../support/cli-harness.ts";

describe("serve refuses to start with exit code 1", () => {
  test("when the store cannot be reached, in words and without a stack", async () => {
    const cause = new Error("SQLITE_IOERR: disk I/O error");
    const error = new AppError("STORAGE_UNAVAILABLE", "the store cannot be opened", { cause });
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: the store cannot be opened (SQLITE_IOERR: disk I/O error)\n");
  });

  test("when the database is damaged, in words and without a stack", async () => {
    const error = new AppError("DATABASE_DAMAGED", "the database is damaged.");
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: the database is damaged.\n");
  });

  test("when a setting is wrong, in words and without a stack", async () => {
    const { done, stdout, stderr } = run(["serve", "--port=x"]);
    expect(await done).toBe(1);
    expect(stderr()).toBe(
      'parley: port is "x" (from --port); expected a whole number from 0 to 65535.\n',
    );
    expect(stdout()).toBe("");
  });

  test("on every address without authentication", async () => {
    const { done, stderr } = run(["--host", "0.0.0.0"]);
    expect(await done).toBe(1);
    expect(stderr()).toStartWith(
      "parley: Parley does not listen on 0.0.0.0 without authentication",
    );
    expect(stderr()).not.toContain("    at ");
  });

  test("when the server finds a setting wrong", async () => {
    const error = new AppError("INVALID_CONFIGURATION", "data.dir cannot be written.");
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toBe("parley: data.dir cannot be written.\n");
  });

  test("when anything else fails, with stack and causes", async () => {
    const error = new Error("outer", { cause: new TypeError("inner") });
    const { done, stderr } = run([], { startServer: () => Promise.reject(error) });
    expect(await done).toBe(1);
    expect(stderr()).toContain("outer");
    expect(stderr()).toContain("caused by TypeError: inner");
    expect(stderr()).toContain("serve.test.ts");
  });
});

describe("serve", () => {
  test.each([
    { argv: [], port: 8080 },
    { argv: ["serve"], port: 8080 },
    { argv: ["--port=9000"], port: 9000 },
    { argv: ["serve", "--port", "9000"], port: 9000 },
  ])("starts with %j, says that it is ready, and stops in order", async ({ argv, port }) => {
    const server = fakeServer();
    const { done, ready, stdout, stderr, process } = run(argv, server);
    await ready;
    expect(server.starts.map(({ settings }) => settings.port)).toEqual([port]);
    process.emit("SIGTERM");
    expect(await done).toBe(0);
    expect(server.reasons).toEqual(["SIGTERM"]);
    expect(stderr()).toBe("");
    expect(logLines(stdout())).toMatchObject([
      { level: "info", msg: "Parley is ready", url: "http://127.0.0.1:8080" },
    ]);
  });

  test("stops in order at SIGINT, and lets go of the process", async () => {
    const server = fakeServer();
    const { done, ready, process } = run([], server);
    await ready;
    process.emit("SIGINT");
    expect(await done).toBe(0);
    expect(process.exits).toEqual([]);
    expect(process.eventNames()).toEqual([]);
  });

  test("a signal during the start is obeyed after it", async () => {
    const opening = Promise.withResolvers<void>();
    const server = fakeServer();
    const startServer: StartServer = async (options) => {
      await opening.promise;
      return server.startServer(options);
    };
    const { done, process } = run([], { startServer });
    process.emit("SIGTERM");
    opening.resolve();
    expect(await done).toBe(0);
    expect(server.reasons).toEqual(["SIGTERM"]);
  });

  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second signal, %s, ends the process at once with %d", async (signal, code) => {
    const stopping = Promise.withResolvers<void>();
    const server = fakeServer(() => stopping.promise);
    const { done, ready, process } = run([], server);
    await ready;
    process.emit("SIGTERM");
    expect(process.exits).toEqual([]);
    process.emit(signal);
    expect(process.exits).toEqual([code]);
    stopping.resolve();
    await done;
  });

  test.each(["uncaughtException", "unhandledRejection"] as const)(
    "%s is logged as fatal once, stops in order, and exits with 1",
    async (event) => {
      const server = fakeServer();
      const { done, ready, stdout, process } = run([], server);
      await ready;
      process.emit(event, new Error("first"));
      process.emit(event, new Error("second"));
      expect(await done).toBe(1);
      expect(server.reasons).toEqual(["fault"]);
      const fatal = logLines(stdout()).filter(({ level }) => level === "fatal");
      expect(fatal).toMatchObject([{ error: { message: "first" } }]);
    },
  );

  test("a server that cannot go on is stopped in order, and says why", async () => {
    const failed = Promise.withResolvers<Error>();
    const server = fakeServer(async () => {}, failed);
    const { done, ready, stdout } = run([], server);
    await ready;
    failed.resolve(new Error("taken by another"));
    expect(await done).toBe(1);
    expect(server.reasons).toEqual(["fault"]);
    const fatal = logLines(stdout()).filter(({ level }) => level === "fatal");
    expect(fatal).toMatchObject([{ error: { message: "taken by another" } }]);
  });

  test("a fault during the start ends the process", async () => {
    const { process } = run([], { startServer: () => Promise.withResolvers<never>().promise });
    process.emit("uncaughtException", new Error("early"));
    expect(process.exits).toEqual([1]);
  });

  test("a stop that fails or hangs exits with 1", async () => {
    const failing = fakeServer(() => Promise.reject(new Error("disk gone")));
    const failed = run([], failing);
    await failed.ready;
    failed.process.emit("SIGTERM");
    expect(await failed.done).toBe(1);
    expect(failed.stdout()).toContain("disk gone");

    const hanging = fakeServer(() => Promise.withResolvers<never>().promise);
    const hung = run([], hanging);
    await hung.ready;
    hung.process.emit("SIGTERM");
    while (hanging.reasons.length === 0) await Promise.resolve();
    hung.timeIsUp();
    expect(await hung.done).toBe(1);
    expect(hung.stdout()).toContain("did not stop in time");
  });

  test("warns of unknown variables and of trusting everyone", async () => {
    const server = fakeServer();
    const env = { PARLEY_PROT: "1", PARLEY_HOST: "0.0.0.0", PARLEY_INSECURE_TRUST_USER_ID: "true" };
    const { done, ready, stdout, process } = run([], { ...server, env });
    await ready;
    process.emit("SIGTERM");
    await done;
    const warnings = logLines(stdout()).filter(({ level }) => level === "warn");
    expect(warnings.map(({ msg }) => msg)).toEqual([
      "PARLEY_PROT is not a setting. Did you mean PARLEY_PORT?",
      "insecure_trust_user_id is on: anyone can be any user",
    ]);
  });

  test("writes no secret anywhere", async () => {
    const server = fakeServer();
    const { done, ready, stdout, stderr, process } = run(
      ["--log-level=trace", "--jwt-secret", SECRET],
      server,
    );
    await ready;
    process.emit("SIGTERM");
    await done;
    expect(stdout() + stderr()).not.toContain(SECRET);
  });
});
