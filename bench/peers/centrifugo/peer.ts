import { join } from "node:path";
import { newRunFolder } from "../cache.ts";
import { goProgram, installGoProgram } from "../go.ts";
import { freePort, launch } from "../launch.ts";
import type { Peer } from "../peer.ts";

const NAME = "centrifugo";
const VERSION = "6.9.1";

/** With its memory engine; clients may subscribe and publish without a token. */
export const centrifugo: Peer = {
  name: NAME,
  dialect: "centrifugo",
  version: () => VERSION,
  install: (children) =>
    installGoProgram(
      { peer: NAME, module: "github.com/centrifugal/centrifugo/v6", version: VERSION },
      children,
    ),
  async start(children) {
    const folder = newRunFolder(NAME);
    const port = await freePort();
    const config = join(folder, "config.json");
    await Bun.write(
      config,
      JSON.stringify({
        http_server: { address: "127.0.0.1", port: String(port) },
        client: { insecure: true, allowed_origins: ["*"] },
        log: { level: "error" },
      }),
    );
    return launch(children, {
      port,
      command: [goProgram(NAME, "centrifugo"), "--config", config],
      folder,
    });
  },
};
