import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Children } from "../../children.ts";
import { installOnce, needs, runInstaller } from "../cache.ts";

const SERVER = "rabbitmq-server";
const ERLANG = [
  ...["asn1", "base", "crypto", "eldap", "inets", "mnesia", "os-mon", "parsetools"],
  ...["public-key", "runtime-tools", "ssl", "syntax-tools", "tools", "xmerl"],
].map((part) => `erlang-${part}`);
/** Changes when what is done below does. */
const KEY = [SERVER, ...ERLANG].join(" ");

/**
 * Debian's packages, unpacked and not installed: no root is needed, no service starts, and nothing
 * stays when the folder goes.
 */
export async function installPackages(peer: string, children: Children): Promise<void> {
  needs("apt-get", "dpkg-deb");
  await installOnce(peer, KEY, async (folder) => {
    const options = ["-qq", "-o", "APT::Sandbox::User=root"];
    await runInstaller(children, folder, ["apt-get", ...options, "download", SERVER, ...ERLANG]);
    const unpack = 'for package in *.deb; do dpkg-deb --extract "$package" root; done';
    await runInstaller(children, folder, ["sh", "-ec", unpack]);
    relocate(join(rootOf(folder), "usr/lib/erlang"));
  });
}

/** Where `/` is for what was unpacked. */
export function rootOf(folder: string): string {
  return join(folder, "root");
}

/** As Debian's file of the package is named: `rabbitmq-server_3.10.8-1.1_all.deb`. */
export function packageVersion(folder: string): string {
  const [file = ""] = [...new Bun.Glob(`${SERVER}_*.deb`).scanSync(folder)];
  return /_([^-_]+)/.exec(file)?.[1] ?? "unknown";
}

/** Erlang's launcher names the folder that it was built for. */
function relocate(erlang: string): void {
  const launcher = join(erlang, "bin/erl");
  const script = readFileSync(launcher, "utf8");
  writeFileSync(launcher, script.replaceAll("ROOTDIR=/usr/lib/erlang", `ROOTDIR='${erlang}'`));
}
