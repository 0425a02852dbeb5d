import { describe, expect, test } from "bun:test";
import { preflight } from "../../src/http/cors.ts";
import { Page } from "../../src/http/page.ts";
import { commonHeaders } from "../../src/http/security-headers.ts";
import document from "../../src/web/index.html";
import serviceWorker from "../../src/web/service-worker/index.html";

const page = new Page({ page: document, serviceWorker });

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return page.fetch(new Request(`http://localhost${path}`, { headers }), path);
}

describe("the page, from the sources", () => {
  test("has its scripts and styles beside it, kept for good by the hash in their names", async () => {
    const document = await get("/");
    expect(document.headers.get("cache-control")).toBe("no-cache");
    expect(document.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const text = await document.text();
    const paths = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(paths.map((path) => path.split(".").at(-1)).sort()).toEqual(["css", "js", "svg"]);
    for (const path of paths) {
      expect(page.covers(new Request("http://localhost"), path)).toBe(true);
      const file = await get(path);
      expect(file.status).toBe(200);
      expect(file.headers.get("cache-control")).toContain("immutable");
      expect(file.headers.get("content-type")).toMatch(/^(text\/(css|javascript)|image\/svg)/);
    }
    expect(text).not.toMatch(/<script>|<style|\son\w+=|style=/);
  });

  test("is not sent again to a browser that has it", async () => {
    const etag = (await get("/")).headers.get("etag") ?? "";
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get("/", { "if-none-match": known });
      expect(again.status).toBe(304);
      expect(again.headers.get("content-security-policy")).toContain("default-src 'none'");
    }
    expect((await get("/", { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("has a service worker for all of it, which browsers can look for anew, and its picture", async () => {
    const worker = await get("/sw.js");
    expect(page.covers(new Request("http://localhost"), "/sw.js")).toBe(true);
    expect(worker.headers.get("cache-control")).toBe("no-cache");
    expect(worker.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    const script = await worker.text();
    // Not every browser takes modules here.
    expect(() => new Function(script)).not.toThrow();
    const picture = await get(/"(\/icon-[^"]+\.png)"/.exec(script)?.[1] ?? "");
    expect(picture.status).toBe(200);
    expect(picture.headers.get("content-type")).toBe("image/png");
    expect(picture.headers.get("cache-control")).toContain("immutable");
    const { headers } = await get("/");
    expect(headers.get("content-security-policy")).toContain("worker-src 'self' blob:");
  });

  test("covers no path of others, and nothing but reading", async () => {
    const covers = (path: string, method = "GET") =>
      page.covers(new Request("http://localhost", { method }), path);
    for (const path of ["/api/x", "/ws", "/healthz", "/a/b-12345678.js", "/index.html"]) {
      expect(covers(path)).toBe(false);
    }
    expect(covers("/", "POST")).toBe(false);
    expect((await get("/chunk-00000000.js")).status).toBe(404);
  });

  test("has a policy without inline code, foreign sources or frames around it", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("permissions-policy")).toContain("microphone=()");
  });
});

test("https is insisted on only for as long as the operator says", () => {
  expect(commonHeaders(0)).not.toHaveProperty("strict-transport-security");
  expect(commonHeaders(2)).toHaveProperty("strict-transport-security", "max-age=172800");
});

describe("a preflight", () => {
  const answer = (allowedOrigins: string[], origin = "https://app.example") => {
    const policy = { allowedOrigins, onLoopback: false, isHttps: true };
    return preflight(new Headers({ origin, host: "chat.example" }), origin, policy).headers;
  };

  test("lets pages send what the API takes, and no key of a back end", () => {
    const headers = answer(["https://app.example"]);
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(headers.get("access-control-allow-credentials")).toBe("true");
    expect(headers.get("access-control-allow-headers")).toContain("Authorization");
    expect(headers.get("access-control-allow-headers")).toContain("If-None-Match");
    expect(headers.get("access-control-allow-headers")).not.toMatch(/api-key/i);
    expect(headers.get("vary")).toBe("Origin");
  });

  test("of a page that only * lets in allows no cookies", () => {
    const headers = answer(["*"]);
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.has("access-control-allow-credentials")).toBe(false);
  });
});
