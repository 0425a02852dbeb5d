import { join } from "node:path";
import { folderOf, installFromManifests, needs, newRunFolder, runInstaller } from "../cache.ts";
import { freePort, launch } from "../launch.ts";
import { manifestVersion } from "../manifest.ts";
import type { Peer } from "../peer.ts";

const NAME = "socket-io";

/** On Node, where it is at home. */
export const socketIo: Peer = {
  name: NAME,
  dialect: "socket.io",
  version: () => manifestVersion("bench/peers/socket-io/package.json", "socket.io"),
  async install(children) {
    needs("node", "npm");
    const command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    await installFromManifests(NAME, ["package.json", "server.mjs"], (folder) =>
      runInstaller(children, folder, command),
    );
  },
  async start(children) {
    const port = await freePort();
    return launch(children, {
      port,
      command: ["node", join(folderOf(NAME), "server.mjs")],
      env: { PORT: String(port), NODE_ENV: "production" },
      folder: newRunFolder(NAME),
    });
  },
};
