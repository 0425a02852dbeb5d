import { describe, expect, test } from "bun:test";
import { AppError } from "../src/errors.ts";
import { createLog, type LogOptions, silentLog } from "../src/log.ts";

const NOON = new Date(2026, 0, 2, 12, 34, 56, 789).getTime();

function record(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    isTerminal: false,
    now: () => NOON,
    write: (text) => lines.push(text),
    ...options,
  });
  return { log, lines, text: () => lines.join("") };
}

describe("JSON", () => {
  test("is one line with level, time, fields and message", () => {
    const { log, lines } = record();
    log.info({ url: "http://127.0.0.1:8080", count: 2 }, "Parley is ready");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith("}\n")).toBe(true);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      level: "info",
      time: new Date(NOON).toISOString(),
      url: "http://127.0.0.1:8080",
      count: 2,
      msg: "Parley is ready",
    });
  });

  test("is what auto means away from a terminal, text on one", () => {
    const away = record({ format: "auto" });
    away.log.info({}, "hello");
    expect(away.text()).toStartWith("{");
    const terminal = record({ format: "auto", isTerminal: true });
    terminal.log.info({}, "hello");
    expect(terminal.text()).toBe("12:34:56.789 INFO  hello\n");
  });

  test("leaves out what is below the level", () => {
    const { log, lines } = record({ level: "warn" });
    log.debug({}, "a");
    log.info({}, "b");
    log.warn({}, "c");
    log.error({}, "d");
    log.fatal({}, "e");
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error", "fatal"]);
    const silent = record({ level: "silent" });
    silent.log.fatal({}, "nothing");
    expect(silent.lines).toEqual([]);
  });

  test("a child adds its fields to each line, and so does a child's child", () => {
    const { log, text } = record();
    log.child({ connection: "c1" }).child({ user: "ada" }).warn({ count: 1 }, "slow");
    expect(JSON.parse(text())).toMatchObject({ connection: "c1", user: "ada", count: 1 });
  });

  test("errors come with stack, code and causes", () => {
    const { log, text } = record();
    const cause = Object.assign(new TypeError("inner"), { code: "EIO" });
    log.error({ error: new Error("outer", { cause }) }, "failed");
    const { error } = JSON.parse(text());
    expect(error).toMatchObject({ name: "Error", message: "outer" });
    expect(error.stack).toContain("log.test.ts");
    expect(error.cause).toMatchObject({ name: "TypeError", message: "inner", code: "EIO" });
  });

  test("what an operator may meet is told without the places in the program", () => {
    const { log, text } = record();
    const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    log.warn({ err: new AppError("STORAGE_UNAVAILABLE", "away", { cause }) }, "no store");
    const { err } = JSON.parse(text());
    expect(err).toEqual({
      ...{ name: "AppError", code: "STORAGE_UNAVAILABLE", message: "away" },
      cause: { name: "Error", code: "ECONNREFUSED", message: "refused" },
    });
  });

  test.each([
    ["a fault of the program", new AppError("INTERNAL", "outer", { cause: new Error("inner") })],
    [
      "what a fault of the program has caused",
      new AppError("STORAGE_UNAVAILABLE", "outer", { cause: new TypeError("inner") }),
    ],
  ])("%s comes with the places", (_, fault) => {
    const { log, text } = record();
    log.error({ err: fault }, "failed");
    const { err } = JSON.parse(text());
    expect(err.stack).toContain("log.test.ts");
    expect(err.cause.stack).toContain("log.test.ts");
  });

  test("bigints, bytes, dates, maps, sets and cycles do no harm", () => {
    const { log, text } = record();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const fields = {
      big: 12n,
      bytes: new Uint8Array(3),
      date: new Date(0),
      set: new Set([1]),
      cycle,
    };
    log.info({ ...fields, map: new Map([["token", "hunter2"]]) }, "odd");
    expect(JSON.parse(text())).toMatchObject({
      big: "12",
      bytes: "[3 bytes]",
      date: "1970-01-01T00:00:00.000Z",
      set: [1],
      cycle: { self: "[circular]" },
      map: { token: "[redacted]" },
    });
  });
});

describe("redaction", () => {
  const names = ["token", "secret", "authorization", "passcode", "cookie", "password"];
  const variants = ["Authorization", "jwtSecret", "access_token", "set-cookie", "content", "body"];

  test.each([...names, ...variants])("hides %s at every depth and in children", (name) => {
    for (const format of ["json", "text"] as const) {
      const { log, text } = record({ format });
      log.info({ [name]: "hunter2" }, "top");
      log.info({ frame: { headers: [{ [name]: { deep: "hunter2" } }] } }, "deep");
      log.child({ [name]: "hunter2" }).info({}, "child");
      log.error({ error: Object.assign(new Error("x"), { [name]: "hunter2" }) }, "error");
      expect(text()).not.toContain("hunter2");
      expect(text().match(/\[redacted\]/g)).toHaveLength(4);
    }
  });

  test("leaves names alone that only resemble", () => {
    const { log, text } = record();
    log.info({ contentType: "text/plain", tokenExpiresMs: 1, bodyBytes: 2 }, "fine");
    expect(text()).not.toContain("redacted");
  });
});

describe("in texts of every kind", () => {
  const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg";

  /** The text as a field, in a list, in a map's key, in an error and its cause, and as the message. */
  function logged(text: string, format: "json" | "text" = "json"): string {
    const recorded = record({ format });
    const error = new Error(`outer ${text}`, { cause: new Error(`inner ${text}`) });
    const fields = { user: text, list: [text], url: new URL(`http://h/?a=${text}`) };
    recorded.log.child({ user: text }).error({ ...fields, error }, `Message of ${text}`);
    recorded.log.info({ map: new Map([[text, 1]]) }, "Keys");
    return recorded.text();
  }

  test.each([
    ["a token", JWT],
    ["a token without a signature", JWT.slice(0, JWT.lastIndexOf("."))],
    ["a token behind a name", `session-${JWT.slice(0, JWT.lastIndexOf("."))}`],
    ["a token whose header is not plain", `${"A".repeat(20)}.${"B".repeat(40)}.${"C".repeat(20)}`],
    ["an address", "ada.lovelace+chat@mail.example.com"],
    ["an address in a URL", "ada%40example.com"],
    ["an address with letters of the world", "ädä@bücher.example"],
  ])("%s is not there", (_, secret) => {
    for (const format of ["json", "text"] as const) {
      const text = logged(secret, format);
      expect(text).toMatch(/\[redacted\]|\[e-mail [0-9a-f]{8}\]/);
      expect(decodeURIComponent(text)).not.toContain(decodeURIComponent(secret));
      for (const part of secret.split(/[.@]|%40/).filter(({ length }) => length > 8)) {
        expect(text).not.toContain(part);
      }
    }
  });

  test("credentials and parameters named like secrets are not there", () => {
    const { log, text } = record();
    const url = "http://h/ws?access_token=hunter2&x=1&apiKey=hunter2";
    log.info({ url, header: "Authorization: Bearer hunter2" }, "Basic hunter2");
    expect(text()).not.toContain("hunter2");
    expect(text()).toContain("&x=1");
  });

  test("an address is the same in all lines of a process, and says nothing elsewhere", () => {
    const nameWith = (salt: string, address: string) => {
      const { log, text } = record({ salt });
      log.info({ user: address }, "hello");
      return JSON.parse(text()).user;
    };
    const name = nameWith("salt", "ada@example.com");
    expect(name).toMatch(/^\[e-mail [0-9a-f]{8}\]$/);
    expect(nameWith("salt", "Ada@Example.com")).toBe(name);
    expect(nameWith("salt", "bob@example.com")).not.toBe(name);
    expect(nameWith("pepper", "ada@example.com")).not.toBe(name);
  });

  test("what only resembles is left alone", () => {
    const { log, text } = record();
    const fine = [
      "/node_modules/@stomp/stompjs@7.5.0/x.js",
      "ws://127.0.0.1:8080/ws",
      "1.2.3",
      "a@b",
    ];
    log.info(
      { fine, id: "0190c2f4-7f6e-7000-8000-000000000000" },
      "user.connect of chat.example.com",
    );
    expect(text()).not.toMatch(/redacted|e-mail/);
  });

  test("long texts without any cost what short ones do, for their length", () => {
    const { log, text } = record();
    for (const part of ["a", "a@", "a.", "eyJ", "%40"])
      log.info({ part: part.repeat(20_000) }, "long");
    log.info({ part: "-eyJ".repeat(200_000) }, "very long"); // Where it is quadratic, for a minute.
    expect(text().split("\n")).toHaveLength(7);
  });
});

describe("text", () => {
  test("is one line of time, level, message and fields", () => {
    const { log, text } = record({ format: "text" });
    log.warn({ user: "ada", reason: "too slow", empty: "", count: 3, list: [1, "a"] }, "Closed");
    expect(text()).toBe(
      '12:34:56.789 WARN  Closed user=ada reason="too slow" empty="" count=3 list=[1,"a"]\n',
    );
  });

  test("tells an error in the line, and its stack and causes below", () => {
    const { log, text } = record({ format: "text" });
    log.error({ error: new Error("outer", { cause: new TypeError("inner") }) }, "Failed");
    const [line, ...stack] = text().trimEnd().split("\n");
    expect(line).toBe('12:34:56.789 ERROR Failed error="Error: outer"');
    expect(stack.every((entry) => /^ {4}(at |caused by )/.test(entry))).toBe(true);
    expect(stack).toContain('    caused by "TypeError: inner"');
  });

  test("tells what an operator may meet in the line, and its cause below", () => {
    const { log, text } = record({ format: "text" });
    const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    log.warn({ err: new AppError("STORAGE_UNAVAILABLE", "away", { cause }) }, "No store");
    expect(text().trimEnd().split("\n")).toEqual([
      '12:34:56.789 WARN  No store err="AppError: away"',
      "    code=STORAGE_UNAVAILABLE",
      '    caused by "Error: refused"',
      "    code=ECONNREFUSED",
    ]);
  });

  test("lets no client forge a line or move the cursor", () => {
    const { log, text } = record({ format: "text" });
    log.info({ user: "eve\n12:00:00.000 INFO  forged", name: "\u001b[2J\u009b" }, "a\r\nb");
    expect(text().split("\n")).toHaveLength(2);
    expect(text()).not.toContain("\u001b");
    expect(text()).not.toContain("\u009b");
  });
});

test("the silent log and its children say nothing", () => {
  expect(() => silentLog.child({ a: 1 }).error({}, "nothing")).not.toThrow();
});
