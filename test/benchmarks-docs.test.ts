import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { pageOf } from "../bench/page.ts";
import { withFigures } from "../bench/readme-figures.ts";
import { readReport } from "../bench/report-file.ts";

const ROOT = resolve(import.meta.dir, "..");
const DOCS = join(ROOT, "docs");
const REMEDY =
  "docs/benchmarks.json has changed: run npm run bench -- --report docs/benchmarks.json --docs";

test("the figures in the documentation are those of the run that is kept with it", async () => {
  const report = await readReport(join(DOCS, "benchmarks.json"));
  const { markdown, pictures } = pageOf(report, "benchmarks");
  expect(await Bun.file(join(DOCS, "benchmarks.md")).text(), REMEDY).toBe(markdown);
  for (const [file, svg] of pictures) {
    expect(await Bun.file(join(DOCS, file)).text(), REMEDY).toBe(svg);
  }
  const readme = await Bun.file(join(ROOT, "README.md")).text();
  expect(withFigures(readme, report), REMEDY).toBe(readme);
});
