import { beforeAll, describe, expect, test } from "bun:test";
import packageJson from "../package.json";
import {
  type BillOfMaterials,
  billOfMaterials,
  bundledPackages,
  readLock,
} from "../scripts/sbom.ts";

const EXACT = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;
const PERMISSIVE = [
  "MIT",
  "MIT-0",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "0BSD",
  "Unlicense",
];
/** Of files that are as their authors made them, it asks only to say where their source is. */
const BY_FILE = ["MPL-2.0"];

describe("what is installed", () => {
  const { packages } = readLock();

  test("every dependency is pinned to one version, which the lock file has", () => {
    const wanted = { ...packageJson.dependencies, ...packageJson.devDependencies };
    for (const [name, version] of Object.entries(wanted)) {
      expect({ name, version }).toEqual({ name, version: expect.stringMatching(EXACT) });
      expect({ name, version: packages[`node_modules/${name}`]?.version }).toEqual({
        name,
        version,
      });
    }
  });

  // Those of other machines too, or npm ci refuses the file.
  test("the lock file is complete", () => {
    for (const [at, { dependencies, optionalDependencies }] of Object.entries(packages)) {
      for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
        const places = [`${at}/node_modules/${name}`, `node_modules/${name}`];
        expect({ name, found: places.some((place) => place in packages) }).toEqual({
          name,
          found: true,
        });
      }
    }
  });

  test("everything in the lock file has a checksum", () => {
    const without = Object.entries(packages).filter(
      ([at, { integrity = "" }]) => at !== "" && !integrity.startsWith("sha512-"),
    );
    expect(without).toEqual([]);
  });
});

describe("the bill of materials", () => {
  let bill: BillOfMaterials;
  beforeAll(async () => {
    bill = await billOfMaterials();
  });

  test("is CycloneDX, names each component once, and comes out the same again", async () => {
    expect(bill).toMatchObject({
      bomFormat: "CycloneDX",
      specVersion: "1.5",
      metadata: {
        component: { type: "application", name: "parley", version: packageJson.version },
      },
    });
    const refs = bill.components.map((component) => component["bom-ref"]);
    expect(new Set(refs).size).toBe(refs.length);
    for (const { name, version, purl, hashes } of bill.components) {
      expect(version).toMatch(EXACT);
      expect(purl).toBe(`pkg:npm/${name.replace("@", "%40")}@${version}`);
      expect(hashes[0]?.content).toMatch(/^[0-9a-f]{128}$/);
    }
    expect(await billOfMaterials()).toEqual(bill);
  });

  test("has all that the bundler takes, the runtime, and the pages' own libraries", async () => {
    const names = bill.components.map(({ name }) => name);
    for (const at of await bundledPackages())
      expect(names).toContain(at.replace(/^.*node_modules\//, ""));
    expect(names).toContain("bun");
    for (const name of ["react", "react-dom", "@stomp/stompjs", "sockjs-client", "url-parse"]) {
      expect(names).toContain(name);
    }
    for (const name of Object.keys(packageJson.dependencies)) expect(names).toContain(name);
    for (const name of ["playwright-core", "typescript"]) expect(names).not.toContain(name);
  });

  test("has permissive licences only, but for what says by name where its source is", async () => {
    const page = await Bun.file("docs/supply-chain.md").text();
    for (const { name, licenses } of bill.components) {
      const [found] = licenses;
      const id = found !== undefined && "license" in found ? found.license.id : "none";
      const isNamed =
        BY_FILE.includes(id) && page.includes(`(https://www.npmjs.com/package/${name})`);
      const permissive = PERMISSIVE.includes(id) || isNamed;
      expect({ name, permissive, id }).toMatchObject({ permissive: true });
    }
  });
});
