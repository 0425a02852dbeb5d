import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { join } from "node:path";
import type { Client } from "@stomp/stompjs";
import type { Server } from "bun";
import type { Browser, Page } from "playwright-core";
import type SockJS from "sockjs-client";
import { ChatTab, launchChromium } from "../support/browser.ts";
import { CertificateFolder, newCertificate } from "../support/certificates.ts";
import { connectionsOf } from "../support/connections.ts";
import { freePort } from "../support/free-port.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { JWT_SECRET, tokenOf } from "../support/tokens.ts";

setDefaultTimeout(120_000);

/** Over iframes too, which are pages of the server's own. */
const TRANSPORTS = [
  ...["websocket", "xhr-streaming", "xhr-polling", "eventsource", "jsonp-polling"],
  ...["iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling"],
];
const SCRIPTS = ["@stomp/stompjs/bundles/stomp.umd.min.js", "sockjs-client/dist/sockjs.min.js"];
const modules = join(import.meta.dir, "../../node_modules");

let folder: TemporaryFolder;
let browser: Browser;
/** Serves empty pages under any name below shop.localhost. */
let elsewhere: Server<undefined>;
let server: ParleyProcess;
/** By a name of the same site, so that not even SameSite keeps cookies from the other pages. */
let chat: string;
let cookie: string;

beforeAll(async () => {
  folder = new TemporaryFolder();
  const files = new CertificateFolder(folder.path);
  const pair = newCertificate("pages");
  files.put(pair);
  elsewhere = Bun.serve({
    ...{ hostname: "127.0.0.1", port: 0, tls: pair },
    fetch: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  });
  const tls = ["--tls-cert-file", files.certFile, "--tls-key-file", files.keyFile];
  const port = await freePort();
  chat = `https://chat.shop.localhost:${port}`;
  // Its own, since this name of a server on loopback could be anybody's (DNS rebinding).
  const allowed = ["--http-allowed-origins", `${origin("app")},${chat}`];
  server = await startParley({
    flags: [...tls, ...allowed, "--port", `${port}`, "--cookie-jwt-name", "session"],
    env: { PARLEY_JWT_SECRET: JWT_SECRET },
  });
  cookie = await tokenOf({ sub: "alice" });
  browser = await launchChromium();
});

afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

afterAll(async () => {
  await browser.close();
  await elsewhere.stop(true);
  await server.stop();
  folder[Symbol.dispose]();
});

function origin(name: string): string {
  return `https://${name}.shop.localhost:${elsewhere.port}`;
}

/** A page in the browser of Alice, who is signed in by a cookie that goes along with everything. */
async function pageAt(url: string): Promise<Page> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  await context.addCookies([
    {
      ...{ name: "session", value: cookie, domain: "chat.shop.localhost", path: "/" },
      ...{ httpOnly: true, secure: true, sameSite: "Strict" },
    },
  ]);
  const page = await context.newPage();
  await page.goto(url);
  for (const script of SCRIPTS) await page.addScriptTag({ path: join(modules, script) });
  return page;
}

/** CONNECTs with nothing but the cookie: who the server says that it is, or "refused". */
function connect(page: Page, transport: string): Promise<string> {
  return page.evaluate(
    ({ url, how }) =>
      new Promise<string>((resolve) => {
        const Sock: typeof SockJS = Reflect.get(window, "SockJS");
        const Stomp: { Client: typeof Client } = Reflect.get(window, "StompJs");
        const client = new Stomp.Client({
          reconnectDelay: 0,
          webSocketFactory: () =>
            how === "plain"
              ? new WebSocket(url.replace("https:", "wss:"))
              : new Sock(url, null, { transports: [how] }),
          onConnect: ({ headers }) => resolve(headers["user-name"] ?? "nobody"),
          onStompError: ({ headers }) => resolve(headers.code ?? "an error"),
          onWebSocketClose: () => resolve("refused"),
        });
        client.activate();
      }),
    { url: `${chat}/ws`, how: transport },
  );
}

/** What a page can read of an answer to a request with the cookie. */
function ask(page: Page, path: string, method = "GET"): Promise<string> {
  return page.evaluate(
    ([url, verb]) =>
      fetch(url ?? "", { method: verb ?? "", credentials: "include" }).then(
        async (response) => `${response.status} ${await response.text()}`,
        () => "refused",
      ),
    [chat + path, method],
  );
}

const sessions = () => connectionsOf(server, { tls: { rejectUnauthorized: false } });

/** Those of tests before are over: SockJS's outlive their pages for a while. */
async function noSessions(): Promise<void> {
  while ((await sessions()) > 0);
}

describe("a page that is on the list", () => {
  test.each(["plain", ...TRANSPORTS])("connects by the user's cookie: %s", async (transport) => {
    // sockjs-client's EventSource takes no cookies to another origin.
    const told = transport === "eventsource" ? "AUTHENTICATION_REQUIRED" : "alice";
    expect(await connect(await pageAt(origin("app")), transport)).toBe(told);
  });

  test("reads the API, and changes what the user may change", async () => {
    const page = await pageAt(origin("app"));
    expect(await ask(page, "/api/conversations")).toBe('200 {"conversations":[],"next":null}');
    expect(await ask(page, "/api/blocks/mallory", "PUT")).toStartWith("204");
    expect(await ask(page, "/api/blocks/mallory", "DELETE")).toStartWith("204");
  });
});

describe("a page that nobody has allowed", () => {
  test.each(["plain", ...TRANSPORTS])(
    "cannot connect by the user's cookie: %s",
    async (transport) => {
      expect(await connect(await pageAt(origin("evil")), transport)).toBe("refused");
    },
  );

  test("reads nothing of the API, and changes nothing", async () => {
    const page = await pageAt(origin("evil"));
    for (const method of ["GET", "POST", "PUT", "DELETE"]) {
      expect(await ask(page, "/api/conversations", method)).toBe("refused");
    }
  });

  test.each([
    ["application/x-www-form-urlencoded", "jsonp_send"],
    ["text/plain", "xhr_send"],
    ["text/plain", "xhr"],
  ])("cannot post a form, %s to %s", async (enctype, path) => {
    const page = await pageAt(origin("evil"));
    const answered = page.waitForResponse((response) => response.url().includes(path));
    await page.evaluate(
      ([action, type]) => {
        const frame = document.createElement("iframe");
        frame.name = "answer";
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action, enctype: type, target: frame.name });
        const field = document.createElement("input");
        Object.assign(field, { name: "d", value: '["CONNECT\\naccept-version:1.2\\n\\n\\u0000"]' });
        form.append(field);
        document.body.append(frame, form);
        form.submit();
      },
      [`${chat}/ws/000/forged00/${path}`, enctype],
    );
    expect((await answered).status()).toBe(403);
  });

  test.each(["jsonp?c=taken", "eventsource", "htmlfile?c=taken"])(
    "opens no session by a script, an image or a frame: %s",
    async (path) => {
      await noSessions();
      for (const tag of ["script", "img", "iframe"]) {
        const page = await pageAt(origin("evil"));
        const session = `${tag}-${path.slice(0, 4)}`;
        await page.evaluate(
          ([name, url]) =>
            new Promise<void>((resolve) => {
              const element = document.createElement(name ?? "");
              // An attacker would not tell where the request comes from.
              element.setAttribute("referrerpolicy", "no-referrer");
              element.setAttribute("src", url ?? "");
              element.onload = element.onerror = () => resolve();
              document.body.append(element);
            }),
          [tag, `${chat}/ws/000/${session}/${path}`],
        );
        expect(await sessions()).toBe(0);
      }
    },
  );

  test("has neither the chat page nor SockJS's pages in a frame", async () => {
    for (const path of ["/", "/ws/iframe.html"]) {
      const page = await pageAt(origin("evil"));
      const told = page.waitForEvent("console", (line) => line.text().includes("frame-ancestors"));
      await page.evaluate((url) => {
        const frame = document.createElement("iframe");
        frame.src = url;
        document.body.append(frame);
      }, chat + path);
      await told;
    }
  });
});

test("a change by cookie that does not say which page it comes from is refused", async () => {
  const change = async (headers: Record<string, string>) => {
    const answer = await fetch(`${server.url}/api/blocks/mallory`, {
      ...{ method: "PUT", headers, tls: { rejectUnauthorized: false } },
    });
    return answer.ok ? "done" : (await answer.json()).code;
  };
  const session = { Cookie: `session=${cookie}` };
  expect(await change(session)).toBe("CSRF_REJECTED");
  expect(await change({ ...session, "Sec-Fetch-Site": "same-site" })).not.toBe("done");
  expect(await change({ ...session, Origin: "null" })).toBe("ORIGIN_FORBIDDEN");
  expect(await change({ ...session, Origin: origin("evil") })).toBe("ORIGIN_FORBIDDEN");
  expect(await change({ ...session, "Sec-Fetch-Site": "same-origin" })).toBe("done");
  expect(await change({ ...session, Origin: origin("app") })).toBe("done");
  expect(await change({ Authorization: `Bearer ${cookie}` })).toBe("done");
});

test("no other page gets hold of SockJS's own, which sets document.domain, in a window", async () => {
  const response = await fetch(`${chat}/ws/iframe.html`, { tls: { rejectUnauthorized: false } });
  expect(await response.text()).toContain("document.domain");
  expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(response.headers.get("origin-agent-cluster")).toBe("?1");
});

test("the chat page obeys its own content security policy", async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const tab = await ChatTab.blank(browser, context);
  const violations: string[] = [];
  tab.page.on("console", (line) => {
    if (/security policy|refused|blocked/i.test(line.text())) violations.push(line.text());
  });
  const response = await tab.page.goto(`${chat}/?token=${cookie}`);
  await tab.online();
  await tab.openChatWith("bob");
  await tab.say("hello");
  await tab.page.locator('.bubble .ticks[aria-label="Sent"]').waitFor();
  expect(violations).toEqual([]);
  expect(tab.faults).toEqual([]);
  const headers = response?.headers() ?? {};
  expect(headers["content-security-policy"]).not.toContain("unsafe");
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "cache-control": "no-cache",
  });
});
