import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  folderOf,
  installFromManifests,
  manifestsOf,
  needs,
  newRunFolder,
  runInstaller,
} from "../cache.ts";
import { freePort, launch } from "../launch.ts";
import type { Peer } from "../peer.ts";

const NAME = "spring";
const SOURCE = "src/main/java/bench/SimpleBroker.java";

/** Spring Boot with its simple broker: what many who come to Parley come from. */
export const spring: Peer = {
  name: NAME,
  dialect: "spring",
  version: bootVersion,
  async install(children) {
    needs("java", "mvn");
    await installFromManifests(NAME, ["pom.xml", SOURCE], (folder) =>
      runInstaller(children, folder, [
        "mvn",
        "--quiet",
        "--batch-mode",
        "-Dstyle.color=never",
        "package",
      ]),
    );
  },
  async start(children) {
    const port = await freePort();
    const jar = join(folderOf(NAME), "target/simple-broker.jar");
    return launch(children, {
      port,
      command: ["java", "-jar", jar, "--server.address=127.0.0.1", `--server.port=${port}`],
      folder: newRunFolder(NAME),
    });
  },
};

/** Its parent's, the first in the file. */
function bootVersion(): string {
  const pom = readFileSync(join(manifestsOf(NAME), "pom.xml"), "utf8");
  return /<version>([^<]+)<\/version>/.exec(pom)?.[1] ?? "unknown";
}
