const BITS = "30";

/** Of RFC 2544, for tests of networks: nothing else uses them. */
const RANGE = "198.18";

/** Two ways to the rest of the machine, of which each can be cut by itself. */
export type Way = "clients" | "backEnds";

interface Link {
  readonly bridge: string;
  /** The host's end, a port of the bridge. */
  readonly port: string;
  /** The end in the namespace. */
  readonly inside: string;
  readonly hostAddress: string;
  readonly address: string;
}

/**
 * A network namespace whose cables can be pulled: what is sent meanwhile vanishes, and neither side
 * is told. Clients reach who lives there by one of them; by the other one Redis and PostgreSQL of
 * the host are reached. Needs root.
 */
export class PrivateNetwork implements Disposable {
  readonly #name: string;
  readonly #links: Readonly<Record<Way, Link>>;

  private constructor(number: number) {
    this.#name = `parley-${number}`;
    this.#links = { clients: linkOf(number, 0), backEnds: linkOf(number, 1) };
  }

  /** Why there can be none here; null: there can. */
  static obstacle(): string | null {
    if (process.getuid?.() !== 0) return "network namespaces need root";
    if (Bun.which("ip") === null) return "ip is not installed (Debian: apt-get install iproute2)";
    return null;
  }

  static open(): PrivateNetwork {
    const network = new PrivateNetwork(process.pid % 64_000);
    try {
      network.#make();
      return network;
    } catch (fault) {
      network[Symbol.dispose]();
      throw fault;
    }
  }

  /** A command that becomes the one that follows it, in this network. */
  get prefix(): readonly string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  /** Where clients find who lives here. */
  get address(): string {
    return this.#links.clients.address;
  }

  /** Where back ends of the host are found from here. */
  get backEndAddress(): string {
    return this.#links.backEnds.hostAddress;
  }

  /** From where back ends are asked. */
  get backEndClients(): string {
    return `${this.#links.backEnds.address}/32`;
  }

  cut(way: Way): void {
    ip("link", "set", this.#links[way].port, "nomaster");
  }

  heal(way: Way): void {
    const { port, bridge } = this.#links[way];
    ip("link", "set", port, "master", bridge);
  }

  [Symbol.dispose](): void {
    for (const { bridge, port } of Object.values(this.#links)) {
      for (const device of [port, bridge]) Bun.spawnSync(["ip", "link", "del", device]);
    }
    Bun.spawnSync(["ip", "netns", "del", this.#name]);
  }

  #make(): void {
    ip("netns", "add", this.#name);
    const inside = ["-n", this.#name];
    ip(...inside, "link", "set", "lo", "up");
    for (const [way, link] of Object.entries(this.#links)) {
      const { bridge, port, inside: device, hostAddress, address } = link;
      ip("link", "add", bridge, "type", "bridge");
      ip("addr", "add", `${hostAddress}/${BITS}`, "dev", bridge);
      ip("link", "add", port, "type", "veth", "peer", "name", device, "netns", this.#name);
      ip(...inside, "addr", "add", `${address}/${BITS}`, "dev", device);
      for (const each of [bridge, port]) ip("link", "set", each, "up");
      ip(...inside, "link", "set", device, "up");
      if (way === "clients" || way === "backEnds") this.heal(way);
    }
  }
}

function linkOf(number: number, index: 0 | 1): Link {
  // Networks of four addresses: two that name it and all of it, and one for either end.
  const first = ((number * 2 + index) * 4) % 65_536;
  const at = (offset: number) => `${RANGE}.${first >> 8}.${(first & 255) + offset}`;
  const name = `${number}-${index}`;
  return {
    ...{ bridge: `pb${name}`, port: `pp${name}`, inside: `pi${name}` },
    ...{ hostAddress: at(1), address: at(2) },
  };
}

function ip(...args: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["ip", ...args]);
  if (exitCode !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
