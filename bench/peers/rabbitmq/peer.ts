import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Children } from "../../children.ts";
import { folderOf, newRunFolder } from "../cache.ts";
import { freePort, startLogged, waitForPort } from "../launch.ts";
import type { Peer, RunningPeer } from "../peer.ts";
import { installPackages, packageVersion, rootOf } from "./packages.ts";

const NAME = "rabbitmq";

/** RabbitMQ's Web STOMP plugin, all settings but the addresses as they come. */
export const rabbitmq: Peer = {
  name: NAME,
  dialect: "rabbitmq",
  version: () => packageVersion(folderOf(NAME)),
  install: (children) => installPackages(NAME, children),
  async start(children) {
    const root = rootOf(folderOf(NAME));
    const folder = newRunFolder(NAME);
    const addresses = {
      amqp: await freePort(),
      stomp: await freePort(),
      webStomp: await freePort(),
      distribution: await freePort(),
      epmd: await freePort(),
    };
    await configure(folder, addresses);
    const env = environment(root, folder, addresses);
    // Erlang's daemon of names would outlive the server if the server had to start it.
    const epmd = ["epmd", "-port", String(addresses.epmd), "-address", "127.0.0.1"];
    const names = startLogged(children, { command: inPath(root, epmd), env, folder });
    await waitForPort(addresses.epmd, names, folder, children);
    const server = startLogged(children, {
      command: [join(root, "usr/lib/rabbitmq/bin/rabbitmq-server")],
      env,
      folder,
    });
    try {
      await waitForPort(addresses.webStomp, server, folder, children);
    } catch (fault) {
      await children.end(names);
      throw fault;
    }
    const running: RunningPeer = {
      port: addresses.webStomp,
      pids: [server.pid, names.pid],
      stop: () => endBoth(children, [server, names]),
    };
    return running;
  },
};

interface Addresses {
  readonly amqp: number;
  readonly stomp: number;
  readonly webStomp: number;
  readonly distribution: number;
  readonly epmd: number;
}

async function configure(folder: string, { amqp, stomp, webStomp }: Addresses): Promise<void> {
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${amqp}`,
    `stomp.listeners.tcp.1 = 127.0.0.1:${stomp}`,
    "web_stomp.tcp.ip = 127.0.0.1",
    `web_stomp.tcp.port = ${webStomp}`,
  ];
  await Bun.write(join(folder, "rabbitmq.conf"), `${settings.join("\n")}\n`);
  await Bun.write(join(folder, "enabled_plugins"), "[rabbitmq_web_stomp].\n");
  await Bun.write(join(folder, ".erlang.cookie"), crypto.randomUUID());
  chmodSync(join(folder, ".erlang.cookie"), 0o400);
}

function environment(
  root: string,
  folder: string,
  { distribution, epmd }: Addresses,
): Record<string, string> {
  const listen = "-kernel inet_dist_use_interface {127,0,0,1}";
  return {
    PATH: `${join(root, "usr/lib/erlang/bin")}:${process.env.PATH ?? ""}`,
    HOME: folder,
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `parley-bench-${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "logs"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    // Else a shell stands in front of the server and takes the signals.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-noinput ${listen}`,
  };
}

function inPath(root: string, [program = "", ...rest]: readonly string[]): string[] {
  return [join(root, "usr/lib/erlang/bin", program), ...rest];
}

async function endBoth(
  children: Children,
  both: readonly Parameters<Children["end"]>[0][],
): Promise<void> {
  for (const child of both) await children.end(child);
}
