import { describe, expect, test } from "bun:test";
import { generateVAPIDKeys } from "web-push";
import {
  ConfigurationError,
  checkStartAllowed,
  describeSettings,
  isLoopbackHost,
  loadSettings,
} from "../src/config.ts";
import { AppError } from "../src/errors.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const VAPID = { ...generateVAPIDKeys(), subject: "mailto:operator@chat.example" };

interface Sources {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** By absolute path; the working directory is /srv. */
  readonly files?: Readonly<Record<string, string>>;
  readonly commandFlags?: readonly string[];
  readonly commandSwitches?: readonly string[];
}

function load({ files = {}, ...sources }: Sources = {}) {
  const given = { argv: [], env: {}, ...sources };
  return loadSettings({ ...given, cwd: "/srv", readFile: (path) => files[path] });
}

function refusal(sources: Sources): ConfigurationError {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error("the settings were accepted");
}

describe("the sources of a setting", () => {
  const toml = { "/srv/parley.toml": "port = 1003\n[limits]\nframe_bytes = 2000" };

  test("without any, the defaults hold", () => {
    const { settings, warnings, positionals } = load();
    expect(settings).toMatchObject({
      host: "127.0.0.1",
      port: 8080,
      data: { dir: "./data" },
      database: { url: "sqlite:data/parley.db" },
      http: { allowedOrigins: [] },
      delivery: { mode: "fast" },
      limits: { frameBytes: 131_072, sendBufferBytes: 524_288, messagesBurst: 100 },
    });
    expect(settings.jwt.secret).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(positionals).toEqual([]);
  });

  test("a flag is stronger than a variable, that than the file, that than the default", () => {
    const env = { PARLEY_PORT: "1002" };
    expect(load({ argv: ["--port", "1001"], env, files: toml }).settings.port).toBe(1001);
    expect(load({ env, files: toml }).settings.port).toBe(1002);
    expect(load({ files: toml }).settings.port).toBe(1003);
    expect(load({ files: toml }).settings.limits.frameBytes).toBe(2000);
  });

  test("a wrong value that a stronger source overrides does no harm", () => {
    expect(load({ argv: ["--port=1"], env: { PARLEY_PORT: "x" } }).settings.port).toBe(1);
  });

  test("an empty variable is like none", () => {
    const { settings } = load({ env: { PARLEY_JWT_SECRET: "", PARLEY_PORT: "" }, files: toml });
    expect(settings.port).toBe(1003);
    expect(settings.jwt.secret).toBeUndefined();
  });

  test("JSON has the nesting of TOML", () => {
    const files = {
      "/srv/parley.json": '{"limits": {"frame_bytes": 3000}, "data": {"dir": "/d"}}',
    };
    const { settings } = load({ files });
    expect(settings.limits.frameBytes).toBe(3000);
    expect(settings.database.url).toBe("sqlite:/d/parley.db");
  });

  test("parley.toml goes before parley.json, with a warning", () => {
    const { settings, warnings } = load({ files: { ...toml, "/srv/parley.json": '{"port": 1}' } });
    expect(settings.port).toBe(1003);
    expect(warnings).toEqual(["/srv/parley.json is not used, since there is /srv/parley.toml."]);
  });

  test("--config and PARLEY_CONFIG name the file, relative to the working directory", () => {
    const files = { ...toml, "/srv/etc/a.json": '{"port": 1}', "/b.toml": "port = 2" };
    const env = { PARLEY_CONFIG: "/b.toml" };
    expect(load({ files, env }).settings.port).toBe(2);
    expect(load({ files, env, argv: ["--config", "etc/a.json"] }).settings.port).toBe(1);
  });

  test("every setting can be set by its flag, its variable and its name in a file", () => {
    const samples: Readonly<Record<string, string>> = {
      "database.url": "memory:",
      "database.check": "always",
      "authentication.order": "development",
      "jwt.secret": SECRET,
      "access.rules": "/topic/news/** send role:editor|user:alice",
      "jwt.secret_encoding": "base64",
      "jwt.jwks_url": "https://id.example/jwks.json",
      "jwt.algorithms": "HS256",
      "cookie.secrets": SECRET,
      "webhook.url": "https://app.example/who",
      "webhook.secret": SECRET,
      "webhook.forward_headers": "x-session",
      "trusted_header.proxies": "10.0.0.0/8",
      "api.keys": SECRET.padEnd(32, "k").replaceAll(" ", "-"),
      "http.allowed_origins": "https://a.example",
      "metrics.queues": "/queue/a",
      "tracing.endpoint": "http://127.0.0.1:4318",
      "tracing.sample_percent": "42",
      "log.level": "warn",
      "log.format": "json",
      "tls.hsts_days": "180",
      "delivery.mode": "durable",
      processes: "16",
      backplane: "redis",
      "redis.url": "redis://:secret@127.0.0.1",
      "nats.url": "nats://node:secret@127.0.0.1",
      "nats.prefix": "sample.",
      "rabbitmq.url": "stomp://node:secret@127.0.0.1",
      "chat.echo": "none",
      "presence.visible_to": "nobody",
      "attachments.store": "off",
      "attachments.types": "image/*",
      "attachments.link_secret": SECRET,
      "email.smtp_url": "smtps://parley:secret@mail.example",
      "email.connections": "42",
      "email.from": "Parley <chat@example.com>",
      "email.reply_to": "help@example.com",
      "email.public_url": "https://chat.example",
      "email.unsubscribe_secret": SECRET,
      "attachments.s3_endpoint": "http://127.0.0.1:9000",
      "webpush.public_key": VAPID.publicKey,
      "webpush.private_key": VAPID.privateKey,
      "webpush.subject": VAPID.subject,
      "webpush.urgency": "low",
      "webpush.concurrency": "64",
      "outbound.allow": "10.0.0.0/8",
      "event_webhook.url": "https://app.example/events",
      "event_webhook.secrets": SECRET,
      "event_webhook.events": "messages",
      "proxy.trusted": "10.0.0.0/8",
      "proxy.header": "Forwarded",
      "fcm.endpoint": "http://127.0.0.1:9000",
      "apns.key_id": "ABC123DEFG",
      "apns.team_id": "DEF123GHIJ",
      "apns.topic": "com.example.chat",
      "apns.environment": "sandbox",
      "apns.endpoint": "https://apns.example",
    };
    const keyFile = { PARLEY_APNS_KEY_FILE: "key.p8" };
    const keyId = { PARLEY_APNS_KEY_ID: "ABC123DEFG" };
    const teamId = { PARLEY_APNS_TEAM_ID: "DEF123GHIJ" };
    const topic = { PARLEY_APNS_TOPIC: "com.example.chat" };
    const webpush = {
      PARLEY_WEBPUSH_PUBLIC_KEY: VAPID.publicKey,
      PARLEY_WEBPUSH_PRIVATE_KEY: VAPID.privateKey,
      PARLEY_WEBPUSH_SUBJECT: VAPID.subject,
    };
    /** What cannot be set alone. */
    const others: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      "webpush.public_key": webpush,
      "webpush.private_key": webpush,
      "webpush.subject": webpush,
      "tcp.cert_file": { PARLEY_TCP_KEY_FILE: "key.pem" },
      "tcp.key_file": { PARLEY_TCP_CERT_FILE: "cert.pem" },
      "jwt.algorithms": { PARLEY_JWT_SECRET: SECRET },
      "cookie.signed_name": { PARLEY_COOKIE_SECRETS: SECRET },
      "cookie.secrets": { PARLEY_COOKIE_SIGNED_NAME: "session" },
      "event_webhook.url": { PARLEY_EVENT_WEBHOOK_SECRETS: SECRET },
      "event_webhook.secrets": { PARLEY_EVENT_WEBHOOK_URL: "https://app.example/events" },
      "webhook.secret": { PARLEY_WEBHOOK_URL: "https://app.example/who" },
      "email.smtp_url": {
        PARLEY_EMAIL_FROM: "chat@example.com",
        PARLEY_EMAIL_PUBLIC_URL: "https://chat.example",
        PARLEY_EMAIL_UNSUBSCRIBE_SECRET: SECRET,
      },
      "tls.cert_file": { PARLEY_TLS_KEY_FILE: "key.pem" },
      "tls.key_file": { PARLEY_TLS_CERT_FILE: "cert.pem" },
      "apns.key_file": { ...keyId, ...teamId, ...topic },
      "apns.key_id": { ...keyFile, ...teamId, ...topic },
      "apns.team_id": { ...keyFile, ...keyId, ...topic },
      "apns.topic": { ...keyFile, ...keyId, ...teamId },
      "tls.redirect_port": { PARLEY_TLS_CERT_FILE: "cert.pem", PARLEY_TLS_KEY_FILE: "key.pem" },
    };
    const kinds = { integer: "4096", boolean: "true", text: "sample", list: "", choice: "" };
    for (const { name, flag, variable, kind, path } of describeSettings()) {
      const text = samples[name] ?? kinds[kind];
      const plain = kind === "integer" || kind === "boolean" ? JSON.parse(text) : text;
      const value = kind === "list" ? [text] : plain;
      const [key = "", group] = name.split(".").reverse();
      const file = JSON.stringify(
        group === undefined ? { [key]: value } : { [group]: { [key]: value } },
      );
      const env = others[name] ?? {};
      for (const sources of [
        { env, argv: [`${flag}=${text}`] },
        { env: { ...env, [variable]: text } },
        { env, files: { "/srv/parley.json": file } },
      ]) {
        expect(load(sources).settings).toHaveProperty([...path], value);
      }
    }
  });
});

test("what a standard's variable says holds where ours says nothing", () => {
  const endpoint = (own: string, standard: string) =>
    load({ env: { PARLEY_TRACING_ENDPOINT: own, OTEL_EXPORTER_OTLP_ENDPOINT: standard } }).settings
      .tracing.endpoint;
  expect(endpoint("", "http://standard:4318")).toBe("http://standard:4318");
  expect(endpoint("http://own:4318", "http://standard:4318")).toBe("http://own:4318");
  expect(endpoint("", "")).toBeUndefined();
  expect(() => endpoint("", "standard:4317")).toThrow(
    "tracing.endpoint has a wrong value (from OTEL_EXPORTER_OTLP_ENDPOINT); expected an http or https URL, or none.",
  );
});

describe("flags", () => {
  test("take their value after a space or an equals sign, the last one holds", () => {
    const { settings } = load({ argv: ["--port", "1", "--host=a=b", "--port", "2"] });
    expect(settings).toMatchObject({ port: 2, host: "a=b" });
  });

  test("of a boolean are switches", () => {
    const openDirect = (argv: string[]) => load({ argv }).settings.chat.openDirect;
    expect(openDirect(["--no-chat-open-direct"])).toBe(false);
    expect(openDirect(["--chat-open-direct=false"])).toBe(false);
    expect(openDirect(["--no-chat-open-direct", "--chat-open-direct"])).toBe(true);
    expect(load({ argv: ["--insecure-trust-user-id"] }).settings.insecureTrustUserId).toBe(true);
  });

  test("of a list are separated by commas", () => {
    const { settings } = load({ argv: ["--http-allowed-origins", "https://a.example, *,"] });
    expect(settings.http.allowedOrigins).toEqual(["https://a.example", "*"]);
  });

  test("of the command itself are told apart, and so are positionals", () => {
    const argv = ["one", "--user", "ada", "--port=1", "--", "--port=2"];
    const loaded = load({ argv, commandFlags: ["--user"] });
    expect([...loaded.commandFlags]).toEqual([["--user", "ada"]]);
    expect(loaded.positionals).toEqual(["one", "--port=2"]);
    expect(loaded.settings.port).toBe(1);
  });

  test("of the command itself may be switches, which take no value", () => {
    const loaded = load({ argv: ["--force", "one"], commandSwitches: ["--force"] });
    expect([...loaded.commandSwitches]).toEqual(["--force"]);
    expect(loaded.positionals).toEqual(["one"]);
    expect([...load({ commandSwitches: ["--force"] }).commandSwitches]).toEqual([]);
    const error = refusal({ argv: ["--force=1"], commandSwitches: ["--force"] });
    expect(error.message).toBe("--force takes no value.");
  });

  test("that are unknown are refused, with the nearest that is known", () => {
    const error = refusal({ argv: ["--prot", "80", "-x"] });
    expect(error.message).toContain("--prot is not a flag. Did you mean --port?");
    expect(error.message).toContain("-x is not a flag.");
    expect(error.isUsage).toBe(true);
  });

  test("without a value are refused", () => {
    expect(refusal({ argv: ["--port", "--host", "a"] }).message).toBe("--port needs a value.");
    expect(refusal({ argv: ["--config"] }).message).toBe("--config needs a value.");
  });
});

describe("a wrong value", () => {
  test("is told with setting, value, source and what is expected", () => {
    const error = refusal({ env: { PARLEY_PORT: "abc" } });
    expect(error).toBeInstanceOf(AppError);
    expect(error.code).toBe("INVALID_CONFIGURATION");
    expect(error.isUsage).toBe(false);
    expect(error.message).toBe(
      'port is "abc" (from PARLEY_PORT); expected a whole number from 0 to 65535.',
    );
  });

  const cases: readonly (readonly [string, Sources, string])[] = [
    ["a number out of range", { argv: ["--port", "65536"] }, "port is 65536 (from --port)"],
    ["a negative number", { argv: ["--port", "-1"] }, "port is -1 (from --port)"],
    ["a fraction", { argv: ["--port=1.5"] }, 'port is "1.5" (from --port)'],
    [
      "a delay that no timer takes",
      { argv: ["--limits-connect-ms=2147483648"] },
      "expected milliseconds from 1 to 2147483647",
    ],
    [
      "a number in quotes in a file",
      { files: { "/srv/parley.toml": 'port = "80"' } },
      'port is "80" (from /srv/parley.toml)',
    ],
    ["an unknown choice", { argv: ["--chat-echo=some"] }, "expected one of others, all, none"],
    ["no boolean", { argv: ["--chat-open-direct=maybe"] }, "expected true or false"],
    ["an empty text", { argv: ["--host="] }, 'host is "" (from --host)'],
    [
      "an origin with a path",
      { argv: ["--http-allowed-origins=https://a.example/"] },
      "expected origins as browsers send them",
    ],
    [
      "a database of another kind",
      { argv: ["--database-url=mysql://a"] },
      "expected sqlite:PATH, postgres://USER:PASSWORD@HOST/DATABASE, or memory:",
    ],
    [
      "a heart-beat below the minimum",
      { argv: ["--heartbeat-send-ms=10"] },
      "heartbeat.send_ms is 10 (from --heartbeat-send-ms); expected 0 or at least heartbeat.minimum_ms",
    ],
    [
      "a minimum above a default heart-beat",
      { argv: ["--heartbeat-minimum-ms=20000", "--heartbeat-send-ms=0"] },
      "heartbeat.receive_ms is 10000 (default)",
    ],
    ["no burst under a rate", { argv: ["--limits-messages-burst=0"] }, "expected at least 1"],
    [
      "an unknown name in a file",
      { files: { "/srv/parley.toml": "[limits]\nframe_byte = 1" } },
      "limits.frame_byte in /srv/parley.toml is not a setting. Did you mean limits.frame_bytes?",
    ],
    [
      "a value where a group belongs",
      { files: { "/srv/parley.json": '{"limits": 1}' } },
      "limits in /srv/parley.json is a group of settings",
    ],
    [
      "a file that is no table",
      { files: { "/srv/parley.json": "[1]" } },
      "/srv/parley.json is wrong: expected an object.",
    ],
    [
      "a file that does not parse",
      { files: { "/srv/parley.toml": "port = = 1" } },
      "/srv/parley.toml is wrong: ",
    ],
    [
      "a file that is not there",
      { argv: ["--config", "gone.toml"] },
      "There is no configuration file /srv/gone.toml.",
    ],
  ];
  test.each(cases)("is %s", (_, sources, expected) => {
    expect(refusal(sources).message).toContain(expected);
  });

  test("0 switches a heart-beat and the message rate off", () => {
    const argv = ["--heartbeat-send-ms=0", "--heartbeat-receive-ms=0"];
    const rate = ["--limits-messages-per-second=0", "--limits-messages-burst=0"];
    expect(load({ argv: [...argv, ...rate] }).settings).toMatchObject({
      heartbeat: { sendMs: 0, receiveMs: 0 },
      limits: { messagesPerSecond: 0, messagesBurst: 0 },
    });
  });

  test("a file that cannot be read is told, not thrown", () => {
    const readFile = () => {
      throw new Error("EACCES: permission denied");
    };
    const attempt = () => loadSettings({ argv: [], env: {}, cwd: "/srv", readFile });
    expect(attempt).toThrow("/srv/parley.toml cannot be read: EACCES: permission denied.");
  });

  test("does not hide the others: all are told at once", () => {
    const { message, problems } = refusal({
      argv: ["--port=x", "--nonsense-flag"],
      env: { PARLEY_CHAT_ECHO: "x" },
      files: { "/srv/parley.toml": "[limits]\nheaders = 0\n[nonsense]\na = 1" },
    });
    expect(problems).toHaveLength(5);
    expect(message.startsWith("5 settings are wrong:\n- ")).toBe(true);
    for (const name of ["port", "--nonsense-flag", "chat.echo", "limits.headers", "nonsense"]) {
      expect(message).toContain(`- ${name} `);
    }
  });
});

test("an unknown PARLEY_ variable is a warning, and others are nobody's business", () => {
  const { warnings } = load({ env: { PARLEY_PROT: "hunter2", PATH: "/bin", PARLEY_CONFIG: "" } });
  expect(warnings).toEqual(["PARLEY_PROT is not a setting. Did you mean PARLEY_PORT?"]);
});

describe("a secret", () => {
  const short = "hunter2-hunter2";

  test("of fewer than 32 bytes is refused with the reason", () => {
    const { message } = refusal({ env: { PARLEY_JWT_SECRET: short } });
    expect(message).toContain("jwt.secret has a wrong value (from PARLEY_JWT_SECRET)");
    expect(message).toContain("at least 32 bytes, which HS256 needs");
    expect(load({ env: { PARLEY_JWT_SECRET: "ä".repeat(16) } }).settings.jwt.secret).toHaveLength(
      16,
    );
  });

  const leaks: readonly (readonly [string, Sources])[] = [
    ["by flag", { argv: ["--jwt-secret", short] }],
    ["by a misspelt flag", { argv: ["--jwt-secrte", short] }],
    ["by a misspelt flag with an equals sign", { argv: [`--jwt-secrte=${short}`] }],
    ["by variable", { env: { PARLEY_JWT_SECRET: short } }],
    ["in a file", { files: { "/srv/parley.toml": `[jwt]\nsecret = "${short}"` } }],
    ["of another type", { files: { "/srv/parley.json": `{"jwt": {"secret": ["${short}"]}}` } }],
    ["without quotes in TOML", { files: { "/srv/parley.toml": `[jwt]\nsecret = ${short}` } }],
    ["without quotes in JSON", { files: { "/srv/parley.json": `{"jwt": {"secret": ${short}}}` } }],
    ["without its end", { files: { "/srv/parley.toml": `[jwt]\nsecret = "${short}` } }],
    ["in a database URL", { argv: [`--database-url=mysql://root:${short}@db`] }],
  ];
  test.each(leaks)("that is wrong is not told: %s", (_, sources) => {
    expect(refusal(sources).message).not.toContain("hunter2");
  });
});

describe("STOMP over TCP", () => {
  test("is off by default, and on the server's host", () => {
    expect(load().settings.tcp).toEqual({ host: "127.0.0.1", plain: false });
    const { tcp } = load({ argv: ["--host=::1"], env: { PARLEY_TCP_PORT: "61613" } }).settings;
    expect(tcp).toEqual({ host: "::1", port: 61_613, plain: false });
  });

  test("is with TLS where the server is, unless it has its own certificate or is to be plain", () => {
    const tls = ["--tls-cert-file=a.pem", "--tls-key-file=a.key"];
    const files = (...argv: string[]) => load({ argv: [...tls, ...argv] }).settings.tcp;
    expect(files()).toMatchObject({ certFile: "a.pem", keyFile: "a.key" });
    expect(files("--tcp-cert-file=b.pem", "--tcp-key-file=b.key")).toMatchObject({
      certFile: "b.pem",
      keyFile: "b.key",
    });
    expect(files("--tcp-plain").certFile).toBeUndefined();
  });

  test("a certificate needs its key, and a key its certificate", () => {
    const key =
      "tcp.key_file is not set (default); expected a file, since there is a tcp.cert_file";
    expect(refusal({ argv: ["--tcp-cert-file=c.pem"] }).message).toContain(key);
    const cert =
      "tcp.cert_file is not set (default); expected a file, since there is a tcp.key_file";
    expect(refusal({ argv: ["--tcp-key-file=k.pem"] }).message).toContain(cert);
  });
});

describe("starting", () => {
  const check = (...argv: string[]) => checkStartAllowed(load({ argv }).settings);

  test("is refused on an address of other machines without authentication, saying what to set", () => {
    const attempt = () => check("--host=0.0.0.0");
    expect(attempt).toThrow(AppError);
    for (const way of ["PARLEY_JWT_SECRET", "--jwt-secret", "[jwt]", "--insecure-trust-user-id"]) {
      expect(attempt).toThrow(way);
    }
    expect(attempt).toThrow("0.0.0.0");
  });

  test("counts the address of TCP when there is a port for it", () => {
    const exposed = ["--tcp-host=0.0.0.0", "--tcp-port=0"];
    expect(() => check(...exposed)).toThrow("0.0.0.0 (tcp.host)");
    expect(() => check("--host=0.0.0.0", "--tcp-host=127.0.0.1", "--tcp-port=0")).toThrow(
      "on 0.0.0.0 without",
    );
    expect(() => check(...exposed, "--jwt-secret", SECRET)).not.toThrow();
    expect(() => check(...exposed, "--insecure-trust-user-id")).not.toThrow();
    expect(() => check("--tcp-host=0.0.0.0")).not.toThrow();
    expect(() => check("--tcp-port=0")).not.toThrow();
  });

  test("is allowed on loopback, with a secret, and when the operator says so", () => {
    expect(() => check()).not.toThrow();
    expect(() => check("--host=::1")).not.toThrow();
    expect(() => check("--host=0.0.0.0", "--jwt-secret", SECRET)).not.toThrow();
    expect(() => check("--host=0.0.0.0", "--insecure-trust-user-id")).not.toThrow();
  });

  test.each(["127.0.0.1", "127.255.0.9", "::1", "[::1]", "localhost", "LOCALHOST"])(
    "%s is loopback",
    (host) => expect(isLoopbackHost(host)).toBe(true),
  );

  test.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "128.0.0.1",
    "127.0.0.1.example",
    "127.0.0.256",
    "127.1",
    "localhost.example",
    "",
  ])("%p is not loopback", (host) => expect(isLoopbackHost(host)).toBe(false));
});
