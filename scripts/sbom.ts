/**
 * `npm run sbom`: writes dist/parley.cdx.json, the bill of materials of the binary in CycloneDX. It
 * lists what the bundler put in, not what is installed: versions, licences and checksums are those of
 * the lock file, and the runtime is a component as well.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";

const root = resolve(import.meta.dir, "..");

const lockSchema = z.object({
  name: z.string(),
  version: z.string(),
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
export type Lock = z.output<typeof lockSchema>;

export interface Component {
  readonly type: "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly ({ license: { id: string } } | { expression: string })[];
  readonly hashes: readonly { alg: "SHA-512"; content: string }[];
  readonly description?: string;
}

export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.5";
  readonly version: 1;
  readonly metadata: {
    readonly component: { type: "application"; "bom-ref": string; name: string; version: string };
  };
  readonly components: readonly Component[];
}

export function readLock(): Lock {
  return lockSchema.parse(JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")));
}

/** Where packages of the bundle are in the lock file: `node_modules/hono`. */
export async function bundledPackages(): Promise<readonly string[]> {
  const { metafile } = await Bun.build({
    entrypoints: [
      "src/main.ts",
      "src/storage/sqlite-writer.ts",
      "src/storage/sqlite-searcher.ts",
    ].map((path) => join(root, path)),
    root,
    target: "bun",
    metafile: true,
  });
  const inputs = Object.keys(metafile?.inputs ?? {});
  const found = inputs.flatMap((path) => {
    const end = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    return end === undefined ? [] : [end.slice(end.indexOf("node_modules/"))];
  });
  return [...new Set(found)].sort();
}

export async function billOfMaterials(lock = readLock()): Promise<BillOfMaterials> {
  const bundled = await bundledPackages();
  // The script of sockjs-client is built by its authors, with its own dependencies inside.
  const inside = closure("node_modules/sockjs-client", lock).filter((at) => !bundled.includes(at));
  const components = [
    component("node_modules/bun", lock, { type: "platform", description: "The runtime." }),
    ...bundled.map((at) => component(at, lock, { type: "library" })),
    ...inside.map((at) =>
      component(at, lock, {
        type: "library",
        description: "May be part of sockjs.min.js, in the version that its authors built it with.",
      }),
    ),
  ];
  const { name, version } = lock;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: { type: "application", "bom-ref": `${name}@${version}`, name, version },
    },
    components: unique(components),
  };
}

/** Several packages may each have their own copy of one version. */
function unique(components: readonly Component[]): Component[] {
  return [...new Map(components.map((each) => [each["bom-ref"], each])).values()];
}

function component(
  at: string,
  { packages }: Lock,
  traits: Pick<Component, "type" | "description">,
): Component {
  const { version, license, integrity } = packages[at] ?? {};
  if (version === undefined || license === undefined || integrity === undefined) {
    throw new Error(`the lock file lacks version, licence or checksum of ${at}`);
  }
  const name = at.slice(at.lastIndexOf("node_modules/") + "node_modules/".length);
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const content = Buffer.from(integrity.replace("sha512-", ""), "base64").toString("hex");
  const isExpression = /[ ()]/.test(license);
  return {
    ...{ ...traits, "bom-ref": purl, name, version, purl },
    licenses: [isExpression ? { expression: license } : { license: { id: license } }],
    hashes: [{ alg: "SHA-512", content }],
  };
}

/** What a package needs, and what that needs; not the package itself. */
function closure(start: string, { packages }: Lock): string[] {
  const found = new Set<string>();
  const visit = (at: string): void => {
    for (const name of Object.keys(packages[at]?.dependencies ?? {})) {
      const nested = `${at}/node_modules/${name}`;
      const where = packages[nested] === undefined ? `node_modules/${name}` : nested;
      if (found.has(where) || packages[where] === undefined) continue;
      found.add(where);
      visit(where);
    }
  };
  visit(start);
  return [...found].sort();
}

if (import.meta.main) {
  const text = JSON.stringify(await billOfMaterials(), null, 2);
  await Bun.write(join(root, "dist/parley.cdx.json"), `${text}\n`);
}
