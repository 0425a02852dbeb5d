import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import type { Certificate } from "../../src/transport/certificate.ts";
import { CertificateWatch } from "../../src/transport/certificate-watch.ts";
import { CertificateFolder, newCertificate, replace } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { RecordedLog } from "../support/recorded-log.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FIRST = newCertificate("first");
const SECOND = newCertificate("second");
const RELOAD_MS = 10_000;

let folder: TemporaryFolder;
let files: CertificateFolder;
beforeEach(() => {
  folder = new TemporaryFolder();
  files = new CertificateFolder(folder.path);
  files.put(FIRST);
});
afterEach(() => folder[Symbol.dispose]());

function watching(reloadMs = RELOAD_MS) {
  const clock = new FakeClock(Date.now());
  const log = new RecordedLog();
  const { certFile, keyFile } = files;
  const watch = new CertificateWatch({
    ...{ clock, log, reloadMs },
    files: { group: "tls", certFile, keyFile },
  });
  const renewed: Certificate[] = [];
  let refusal: Error | null = null;
  watch.start((certificate) => {
    if (refusal !== null) throw refusal;
    renewed.push(certificate);
  });
  const refuse = (fault: Error | null) => {
    refusal = fault;
  };
  return { clock, log, watch, renewed, refuse };
}

test("files that stay as they are renew nothing", () => {
  const { clock, log, renewed } = watching();
  replace(files.certFile, FIRST.cert);
  clock.advance(100 * RELOAD_MS);
  expect(renewed).toEqual([]);
  expect(log.texts).toEqual([]);
});

test("a new pair is put to use at the next look", () => {
  const { clock, log, watch, renewed } = watching();
  files.put(SECOND);
  clock.advance(RELOAD_MS - 1);
  expect(renewed).toEqual([]);
  clock.advance(1);
  expect(renewed.map(({ cert }) => cert)).toEqual([SECOND.cert]);
  expect(watch.current.cert).toBe(SECOND.cert);
  expect(log.texts).toEqual(["info: The certificate was renewed"]);
  files.put(FIRST);
  clock.advance(RELOAD_MS);
  expect(renewed.map(({ cert }) => cert)).toEqual([SECOND.cert, FIRST.cert]);
});

test("files behind symbolic links are noticed when a link is pointed elsewhere", () => {
  // As Kubernetes does it: ..data points to a folder, the files point through it.
  for (const [name, pair] of [
    ["v1", FIRST],
    ["v2", SECOND],
  ] as const) {
    mkdirSync(folder.file(name));
    new CertificateFolder(folder.file(name)).put(pair);
  }
  symlinkSync("v1", folder.file("..data"));
  for (const file of [files.certFile, files.keyFile]) {
    unlinkSync(file);
    symlinkSync(`..data/${file.endsWith("cert.pem") ? "cert.pem" : "key.pem"}`, file);
  }
  const { clock, renewed } = watching();
  symlinkSync("v2", folder.file("..new"));
  renameSync(folder.file("..new"), folder.file("..data"));
  clock.advance(RELOAD_MS);
  expect(renewed.map(({ key }) => key)).toEqual([SECOND.key]);
});

test("half of a pair, a half-written file and a file that is gone are told once each", () => {
  const { clock, log, watch, renewed } = watching();
  const former = "error: The certificate's files changed and cannot be used; the former one stays";
  replace(files.certFile, SECOND.cert);
  clock.advance(3 * RELOAD_MS);
  expect(log.texts).toEqual([former]);
  writeFileSync(files.keyFile, SECOND.key.slice(0, 60));
  clock.advance(3 * RELOAD_MS);
  expect(log.texts).toEqual([former, former]);
  unlinkSync(files.keyFile);
  clock.advance(3 * RELOAD_MS);
  expect(log.texts).toEqual([former, former, former]);
  expect(renewed).toEqual([]);
  expect(watch.current.cert).toBe(FIRST.cert);
  replace(files.keyFile, SECOND.key);
  clock.advance(RELOAD_MS);
  expect(watch.current.cert).toBe(SECOND.cert);
});

test("a renewal that fails is tried again", () => {
  const { clock, watch, refuse, renewed } = watching();
  files.put(SECOND);
  refuse(new Error("cannot listen"));
  clock.advance(2 * RELOAD_MS);
  expect(watch.current.cert).toBe(FIRST.cert);
  refuse(null);
  clock.advance(RELOAD_MS);
  expect(renewed).toHaveLength(1);
  expect(watch.current.cert).toBe(SECOND.cert);
});

test("a certificate that soon expires is told", () => {
  files.put(newCertificate("short", 3));
  expect(watching().log.texts).toEqual(["warn: The certificate has expired, or soon will"]);
});

test("0 looks once", () => {
  const { clock, renewed } = watching(0);
  files.put(SECOND);
  clock.advance(1_000 * RELOAD_MS);
  expect(renewed).toEqual([]);
});
