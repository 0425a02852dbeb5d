import { basename } from "node:path";
import type { HTMLBundle } from "bun";
import { entityTag, isKnown } from "./entity-tag.ts";
import { PAGE_HEADERS, withHeaders } from "./security-headers.ts";

interface PageFile {
  readonly body: Blob;
  readonly etag: string;
  readonly hasHash: boolean;
}

interface NamedContent {
  readonly path: string;
  readonly content: Blob;
}

export interface PageBundles {
  readonly page: HTMLBundle;
  /** A document around the script: by itself the bundler takes no code of browsers. */
  readonly serviceWorker: HTMLBundle;
}

/** What browsers ask for beside documents that name no icon, such as the reference of the API. */
const ICON = "/favicon.ico";
/** For good: browsers look here for a new version. At the root, so that its scope covers the page. */
const SERVICE_WORKER = "/sw.js";
/** Scripts, styles and pictures have their contents' hash in their names. */
const KEPT_FOR_GOOD = "public, max-age=31536000, immutable";

/**
 * A page of the server's own with its scripts and styles: the document at `/`, and its service worker.
 * The engine's own route for it takes no headers. The binary has the files inside; from the sources
 * they are made at the first request.
 */
export class Page {
  readonly #bundles: PageBundles;
  #files: Promise<ReadonlyMap<string, PageFile>> | null = null;

  constructor(bundles: PageBundles) {
    this.#bundles = bundles;
  }

  covers({ method }: Request, pathname: string): boolean {
    if (method !== "GET" && method !== "HEAD") return false;
    return (
      ["/", ICON, SERVICE_WORKER].includes(pathname) ||
      /^\/[^/]+-[0-9a-z]{8}\.(?:js|css|svg|png)$/.test(pathname)
    );
  }

  /** Answers a request that it covers. */
  async fetch(request: Request, pathname: string): Promise<Response> {
    this.#files ??= filesOf(this.#bundles);
    const file = (await this.#files).get(pathname);
    if (file === undefined) return new Response("Not found\n", { status: 404 });
    const { body, etag, hasHash } = file;
    const headers = { etag, "cache-control": hasHash ? KEPT_FOR_GOOD : "no-cache" };
    const response = isKnown(request.headers.get("if-none-match"), etag)
      ? new Response(null, { status: 304, headers })
      : new Response(body, { headers: { ...headers, "content-type": body.type } });
    return withHeaders(response, PAGE_HEADERS);
  }
}

async function filesOf(bundles: PageBundles): Promise<ReadonlyMap<string, PageFile>> {
  const byPath = new Map<string, PageFile>();
  for (const { path, content } of await contentsOf(bundles.page)) {
    const file = await fileOf(path, content);
    byPath.set(file.hasHash ? `/${basename(path)}` : "/", file);
    if (path.endsWith(".svg")) byPath.set(ICON, { ...file, hasHash: false });
  }
  for (const { path, content } of await contentsOf(bundles.serviceWorker)) {
    const file = await fileOf(path, content);
    if (path.endsWith(".js")) byPath.set(SERVICE_WORKER, { ...file, hasHash: false });
    else if (file.hasHash) byPath.set(`/${basename(path)}`, file);
  }
  return byPath;
}

async function contentsOf({ files, index }: HTMLBundle): Promise<readonly NamedContent[]> {
  const found = files?.map(({ path }) => ({ path, content: Bun.file(path) })) ?? [];
  return found.length > 0 ? found : await build(index);
}

async function fileOf(path: string, content: Blob): Promise<PageFile> {
  const bytes = await content.arrayBuffer(); // A build's outputs have no `bytes`.
  return {
    body: new Blob([bytes], { type: contentType(path) }),
    ...{ etag: entityTag(bytes), hasHash: !path.endsWith(".html") },
  };
}

async function build(index: string): Promise<readonly NamedContent[]> {
  const name = "[name]-[hash].[ext]";
  const { outputs } = await Bun.build({
    entrypoints: [index],
    minify: true,
    publicPath: "/",
    naming: { entry: name, chunk: name, asset: name },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputs.map((output) => ({ path: output.path, content: output }));
}

function contentType(path: string): string {
  if (path.endsWith(".html")) return "text/html; charset=utf-8";
  if (path.endsWith(".js")) return "text/javascript; charset=utf-8";
  if (path.endsWith(".png")) return "image/png";
  return path.endsWith(".css") ? "text/css; charset=utf-8" : "image/svg+xml";
}
