/**
 * Attackers, a process of its own, told over IPC what to do. What they do is paced, so that the server
 * is hindered by what reaches it and not by what making it costs on the same machine.
 */
import type { Socket } from "bun";
import { z } from "zod";

const ATTACKS = ["connects", "messages", "heads", "handshakes", "CONNECTs", "uploads"] as const;
export type Attack = (typeof ATTACKS)[number];

const commandSchema = z.union([
  z.object({ attack: z.enum(ATTACKS), port: z.number() }),
  z.literal("tell"),
  z.literal("stop"),
]);
export type AttackCommand = z.infer<typeof commandSchema>;

/** How often what was done, and what came of it. */
export const tallySchema = z.record(z.string(), z.number());
export type Tally = z.infer<typeof tallySchema>;

/** Of each kind, a second. */
export const CONNECTS_PER_SECOND = 300;
export const MESSAGES_PER_SECOND = 2_000;
export const HEADS_PER_SECOND = 100;
/** Connections that drip a byte a second, at a time; made at most so fast. */
export const SLOW_CONNECTIONS = 300;
const SLOW_PER_SECOND = 300;
const DRIP_EVERY_MS = 1_000;

/** A header bomb: far more than an engine takes. */
const BOMB_BYTES = 64 * 1024;

const TICK_MS = 20;
/** As a proxy names it. */
const ADDRESS = "203.0.113.66";

function upgrade(address: string | null): string {
  const lines = [
    ...["GET /ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
    ...(address === null ? [] : [`X-Forwarded-For: ${address}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A text message masked with zeros, which leaves it as it is. */
function webSocketText(text: string): Buffer {
  const payload = Buffer.from(text);
  const isShort = payload.length < 126;
  const head = Buffer.alloc(isShort ? 6 : 8);
  head[0] = 0x81;
  head[1] = 0x80 | (isShort ? payload.length : 126);
  if (!isShort) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

interface Behaviour {
  /** Sent at the opening. */
  readonly first: string | Uint8Array;
  /** Sent now and then. */
  readonly drip?: Uint8Array;
  /** Texts of the server to be counted. */
  readonly counted: readonly string[];
  /** The peer closes when it has an answer. */
  readonly leaves: boolean;
}

type Prepared = Pick<Behaviour, "first" | "drip">;

class Attackers {
  readonly tally: Record<string, number> = {};
  readonly #sockets = new Map<Socket, Behaviour>();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #opening = 0;
  #isStopped = false;

  constructor(readonly port: number) {}

  begin(attack: Attack): void {
    switch (attack) {
      case "connects":
        this.#pace(CONNECTS_PER_SECOND, () => {
          this.#open({ first: upgrade(ADDRESS), counted: STATUSES, leaves: true });
        });
        return;
      case "messages":
        this.#flood();
        return;
      case "heads": {
        const bomb = `GET /ws/info HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(BOMB_BYTES)}\r\n\r\n`;
        this.#pace(HEADS_PER_SECOND, () => {
          this.#open({ first: bomb, counted: STATUSES, leaves: true });
        });
        return;
      }
      case "handshakes":
        this.#drip(() => ({ first: "GET /ws HTTP/1.1\r\nX: ", drip: Buffer.from("x") }));
        return;
      case "CONNECTs":
        this.#drip(() => ({ first: upgrade(null), drip: webSocketText("C") }));
        return;
      case "uploads":
        this.#drip(() => this.#upload());
    }
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    const sockets = [...this.#sockets.keys()];
    this.#sockets.clear();
    this.#isStopped = true;
    for (const socket of sockets) socket.terminate();
  }

  /** To a session of its own, which is there. */
  async #upload(): Promise<Prepared> {
    const session = `/ws/000/slow-${crypto.randomUUID()}`;
    await fetch(`http://127.0.0.1:${this.port}${session}/xhr`, { method: "POST" });
    const head = `POST ${session}/xhr_send HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000`;
    return { first: `${head}\r\n\r\n`, drip: Buffer.from("x") };
  }

  #count(what: string, by = 1): void {
    this.tally[what] = (this.tally[what] ?? 0) + by;
  }

  #pace(perSecond: number, act: () => void): void {
    const startMs = performance.now();
    let done = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startMs) * perSecond) / 1_000);
      for (; done < due; done += 1) act();
    }, TICK_MS);
    this.#timers.push(timer);
  }

  /** One user, far above what a user may send. */
  #flood(): void {
    const connect = "CONNECT\naccept-version:1.2\nX-User-Id:mallory\n\n\0";
    const subscribe = "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n\0";
    const hello = [Buffer.from(upgrade(null)), webSocketText(connect), webSocketText(subscribe)];
    const first = Buffer.concat(hello);
    this.#open({ first, counted: ['"code":"RATE_LIMITED"'], leaves: false });
    let number = 0;
    this.#pace(MESSAGES_PER_SECOND, () => {
      const [socket] = this.#sockets.keys();
      if (socket === undefined) return;
      number += 1;
      const id = `${performance.now()}-${number}`;
      const body = `{"conversationId":"flood","recipientId":"nobody","content":"x","clientMessageId":"${id}"}`;
      socket.write(webSocketText(`SEND\ndestination:/app/chat.send\n\n${body}\0`));
      this.#count("sent");
    });
  }

  /** Holds so many connections that say a little now and then; one that is closed is made anew. */
  #drip(prepare: () => Prepared | Promise<Prepared>): void {
    let preparing = 0;
    const openOne = async () => {
      preparing += 1;
      try {
        this.#open({ ...(await prepare()), counted: ["code:CONNECT_TIMEOUT"], leaves: false });
      } finally {
        preparing -= 1;
      }
    };
    this.#pace(SLOW_PER_SECOND, () => {
      if (this.#sockets.size + this.#opening + preparing >= SLOW_CONNECTIONS) return;
      openOne().catch(() => this.#count("not opened"));
    });
    const timer = setInterval(() => {
      for (const [socket, { drip }] of this.#sockets) if (drip !== undefined) socket.write(drip);
    }, DRIP_EVERY_MS);
    this.#timers.push(timer);
  }

  #open(behaviour: Behaviour): void {
    this.#opening += 1;
    this.#count("opened");
    const closed = (socket: Socket) => {
      if (this.#sockets.delete(socket)) this.#count("closed by the server");
    };
    const connecting = Bun.connect({
      ...{ hostname: "127.0.0.1", port: this.port },
      socket: {
        open: (socket) => {
          if (this.#isStopped) {
            socket.terminate();
            return;
          }
          this.#sockets.set(socket, behaviour);
          socket.write(behaviour.first);
        },
        data: (socket, bytes) => {
          const text = bytes.toString("latin1");
          for (const counted of behaviour.counted) {
            const times = text.split(counted).length - 1;
            if (times > 0) this.#count(counted, times);
          }
          if (!behaviour.leaves) return;
          this.#sockets.delete(socket);
          socket.terminate();
        },
        close: closed,
        error: closed,
      },
    });
    const opened = () => {
      this.#opening -= 1;
    };
    connecting.then(opened, () => {
      opened();
      this.#count("not opened");
    });
  }
}

const STATUSES = ["HTTP/1.1 101", "HTTP/1.1 429", "HTTP/1.1 431", "HTTP/1.1 503"];

if (import.meta.main) {
  let attackers: Attackers | null = null;
  process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
  process.on("message", (message) => {
    const command = commandSchema.parse(message);
    if (command === "stop") attackers?.stop();
    else if (command !== "tell") {
      attackers = new Attackers(command.port);
      attackers.begin(command.attack);
    }
    process.send?.(attackers?.tally ?? {});
  });
  process.send?.("ready");
}
