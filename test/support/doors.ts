import { Decoder } from "../../src/stomp/decoder.ts";
import { Frame } from "../../src/stomp/frame.ts";
import type { ParleyProcess } from "./parley-process.ts";

/** The ways into the server. */
export const DOORS = ["websocket", "sockjs", "api"] as const;

export type Door = (typeof DOORS)[number];

type Headers = Readonly<Record<string, string>>;

export interface Knock {
  /** Headers of CONNECT; of the API, of the request. */
  readonly connect?: Headers;
  /** Headers of the HTTP request that opens the connection, or is the API's. */
  readonly request?: Headers;
}

export interface Answer {
  /** undefined: not accepted; of the API, which does not say, "". */
  readonly user?: string | undefined;
  /** The code of the refusal. */
  readonly code?: string | undefined;
  /** Of the WebSocket, or of SockJS. */
  readonly closeCode?: number;
}

/** Comes to a door with such credentials. */
export function knock(server: ParleyProcess, door: Door, knocking: Knock): Promise<Answer> {
  const { connect = {}, request = {} } = knocking;
  switch (door) {
    case "websocket":
      return overWebSocket(server, connect, request);
    case "sockjs":
      return overSockJs(server, connect, request);
    case "api":
      return overApi(server, { ...connect, ...request });
  }
}

function connectFrame(headers: Headers): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `CONNECT\naccept-version:1.2\nheart-beat:0,0\n${lines.join("")}\n\0`;
}

async function overWebSocket(
  server: ParleyProcess,
  connect: Headers,
  request: Headers,
): Promise<Answer> {
  // The DOM's type does not know that Bun sends headers.
  const socket: WebSocket = Reflect.construct(WebSocket, [server.wsUrl, { headers: request }]);
  const texts: string[] = [];
  const first = Promise.withResolvers<void>();
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener("close", (event) => {
      first.resolve();
      resolve(event.code);
    });
  });
  socket.addEventListener("open", () => socket.send(connectFrame(connect)));
  socket.addEventListener("message", ({ data }) => {
    texts.push(String(data));
    first.resolve();
  });
  await first.promise;
  const answer = answerOf(firstFrame(texts.join("")));
  if (answer.user === undefined) return { ...answer, closeCode: await closed };
  socket.close();
  await closed;
  return answer;
}

/** By polling: the session's first request has the headers, later ones say the rest. */
async function overSockJs(
  server: ParleyProcess,
  connect: Headers,
  request: Headers,
): Promise<Answer> {
  const url = `${server.url}/ws/000/${crypto.randomUUID()}`;
  const post = (path: string, body?: string) =>
    fetch(`${url}${path}`, { method: "POST", headers: { ...request }, ...(body ? { body } : {}) });
  const opened = await (await post("/xhr")).text();
  if (opened !== "o\n") throw new Error(`the session did not open: ${opened}`);
  await post("/xhr_send", JSON.stringify([connectFrame(connect)]));
  const answered = await (await post("/xhr")).text();
  if (!answered.startsWith("a")) throw new Error(`no frame came: ${answered}`);
  const texts: string[] = JSON.parse(answered.slice(1));
  const answer = answerOf(firstFrame(texts.join("")));
  if (answer.user === undefined) {
    const closing = await (await post("/xhr")).text();
    const [closeCode]: [number] = JSON.parse(closing.slice(1));
    return { ...answer, closeCode };
  }
  await post("/xhr_send", JSON.stringify(["DISCONNECT\n\n\0"]));
  return answer;
}

async function overApi(server: ParleyProcess, headers: Headers): Promise<Answer> {
  const response = await fetch(`${server.url}/api/conversations`, { headers });
  if (response.status === 200) return { user: "" };
  const { code, status }: { code: string; status: number } = await response.json();
  if (status !== response.status) throw new Error(`status ${response.status} says ${status}`);
  return { code };
}

function firstFrame(text: string): Frame {
  const frames: Frame[] = [];
  const limits = { maxFrameBytes: 1 << 20, maxHeaders: 100, maxHeaderLineBytes: 1 << 16 };
  new Decoder(limits).push(text, (frame) => frames.push(frame));
  return frames[0] ?? new Frame("nothing", [], "");
}

function answerOf(frame: Frame): Answer {
  if (frame.command === "CONNECTED") return { user: frame.header("user-name") };
  return { code: frame.header("code") ?? frame.command };
}

/** What a door answers to whom it lets in. */
export function letsIn(door: Door, user: string): Answer {
  return { user: door === "api" ? "" : user };
}

/** What a door answers to whom it does not let in. */
export function refuses(door: Door, code: string, closeCode = 1008): Answer {
  return door === "api" ? { code } : { code, closeCode };
}
