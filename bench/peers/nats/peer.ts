import { join } from "node:path";
import { newRunFolder } from "../cache.ts";
import { goProgram, installGoProgram } from "../go.ts";
import { freePort, launch } from "../launch.ts";
import type { Peer } from "../peer.ts";

const NAME = "nats";
const VERSION = "2.15.2";

/** nats-server over its WebSocket listener, all settings but the addresses as they come. */
export const nats: Peer = {
  name: NAME,
  dialect: "nats",
  version: () => VERSION,
  install: (children) =>
    installGoProgram(
      { peer: NAME, module: "github.com/nats-io/nats-server/v2", version: VERSION },
      children,
    ),
  async start(children) {
    const folder = newRunFolder(NAME);
    const port = await freePort();
    const config = join(folder, "nats.conf");
    await Bun.write(
      config,
      `listen: "127.0.0.1:-1"\nwebsocket { listen: "127.0.0.1:${port}", no_tls: true }\n`,
    );
    return launch(children, {
      port,
      command: [goProgram(NAME, "nats-server"), "--config", config],
      folder,
    });
  },
};
