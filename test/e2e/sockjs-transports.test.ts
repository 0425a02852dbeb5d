import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { join } from "node:path";
import type { Server } from "bun";
import type { Browser, Page } from "playwright-core";
import SockJS from "sockjs-client";
import { launchChromium } from "../support/browser.ts";
import { type ParleyProcess, startParley } from "../support/parley-process.ts";
import { connectStock, type StockClient, subscribeAll } from "../support/stock-client.ts";

setDefaultTimeout(60_000);

const STOMP_SCRIPT = join(
  import.meta.dir,
  "../../node_modules/@stomp/stompjs/bundles/stomp.umd.min.js",
);

let server: ParleyProcess;
let browser: Browser;
/** A page of another origin than the server's. */
let elsewhere: Server<undefined>;
const clients: StockClient[] = [];

beforeAll(async () => {
  server = await startParley();
  browser = await launchChromium();
  elsewhere = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(browser.contexts().map((context) => context.close()));
});

afterAll(async () => {
  await browser.close();
  await elsewhere.stop(true);
  expect(await server.stop()).toBe(0);
});

async function connect(userId: string, transport?: string): Promise<StockClient> {
  const sockets: { transport?: string }[] = [];
  const webSocketFactory = () => {
    const socket = new SockJS(`${server.url}/ws`, null, { transports: transport ?? "websocket" });
    sockets.push(socket as { transport?: string });
    return socket;
  };
  const client = await connectStock(server, userId, { config: { webSocketFactory } });
  clients.push(client);
  expect(sockets.map((socket) => socket.transport)).toEqual([transport ?? "websocket"]);
  await subscribeAll(client);
  return client;
}

/** More than one streaming response of SockJS holds. */
const MANY = 40;
const LARGE = "x".repeat(8_000);

describe.each(["websocket", "xhr-streaming", "xhr-polling", "eventsource"])(
  "the stock sockjs-client outside of a browser, over %s",
  (transport) => {
    test("chats in both directions, with confirmations", async () => {
      const [a, b] = [`alice-${transport}`, `bob-${transport}`];
      const [alice, bob] = [await connect(a, transport), await connect(b, transport)];
      const content = "Grüße 👋 </script> \u2028";
      alice.send("/app/chat.send", { conversationId: a, recipientId: b, content });
      const message = await bob.event(`/user/${b}/queue/messages`);
      expect(message).toMatchObject({ seq: 1, senderId: a, content });
      await alice.event(`/user/${a}/queue/confirmations`, (event) => event.status === "SENT");
      await alice.event(`/user/${a}/queue/confirmations`, (event) => event.status === "DELIVERED");
      bob.send("/app/chat.read", { id: message.id });
      await alice.event(`/user/${a}/queue/receipts`, (event) => event.status === "READ");
      bob.send("/app/chat.send", { conversationId: a, content: "and back" });
      const back = await alice.event(`/user/${a}/queue/messages`);
      expect(back).toMatchObject({ seq: 2, senderId: b, content: "and back" });
    });

    test("gets all messages in order, over as many responses as it takes", async () => {
      const [a, b] = [`alice-many-${transport}`, `bob-many-${transport}`];
      const [alice, bob] = [await connect(a), await connect(b, transport)];
      for (let n = 0; n < MANY; n += 1) {
        alice.send("/app/chat.send", { conversationId: a, recipientId: b, content: LARGE });
      }
      const messages = await bob.count(`/user/${b}/queue/messages`, MANY);
      const expected = Array.from({ length: MANY }, (_, index) => index + 1);
      expect(messages.map(({ seq }) => seq)).toEqual(expected);
      expect(messages.every(({ content }) => content === LARGE)).toBe(true);
    });

    test("reconnects to a session of its own after its connection was closed", async () => {
      const user = `again-${transport}`;
      const client = await connect(user, transport);
      client.stomp.forceDisconnect();
      await client.until(() => client.connects === 2, "the second connect");
    });
  },
);

interface Talk {
  readonly transport: string;
  readonly received: string;
  readonly statuses: readonly string[];
}

/** Opens STOMP over SockJS in the page, sends to `peer`, and waits for the answer. */
function talk(page: Page, userId: string, peer: string, transport: string): Promise<Talk> {
  const url = `${server.url}/ws`;
  return page.evaluate(
    ({ url, userId, peer, transport }) =>
      new Promise<Talk>((resolve, reject) => {
        const { SockJS: Sock, StompJs } = window as unknown as {
          SockJS: new (url: string, _: null, options: object) => { transport: string };
          StompJs: typeof import("@stomp/stompjs");
        };
        let socket: { transport: string } | undefined;
        let received = "";
        const statuses: string[] = [];
        const look = (): void => {
          if (received === "" || statuses.length < 2) return;
          resolve({ transport: socket?.transport ?? "", received, statuses });
        };
        const client = new StompJs.Client({
          webSocketFactory: () => {
            socket = new Sock(url, null, { transports: [transport] });
            return socket as unknown as WebSocket;
          },
          connectHeaders: { "X-User-Id": userId },
          onStompError: (frame) => reject(new Error(frame.headers.message)),
          onWebSocketClose: (event) => reject(new Error(`closed: ${event.code} ${event.reason}`)),
          onConnect: () => {
            client.subscribe("/user/queue/confirmations", (message) => {
              statuses.push(JSON.parse(message.body).status);
              look();
            });
            client.subscribe("/user/queue/messages", (message) => {
              received = JSON.parse(message.body).content;
              look();
            });
            const body = { conversationId: userId, recipientId: peer, content: "from the page 👋" };
            client.publish({ destination: "/app/chat.send", body: JSON.stringify(body) });
          },
        });
        client.activate();
      }),
    { url, userId, peer, transport },
  );
}

const HOSTILE = "</script><script>throw new Error('out')</script> <!-- \u2028 ' \" \\";

async function talkInChromium(origin: string, where: string, transport: string): Promise<void> {
  const [userId, peer] = [`page-${transport}-${where}`, `peer-${transport}-${where}`];
  const bob = await connect(peer);
  const page = await (await browser.newContext()).newPage();
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(fault.message));
  await page.goto(origin);
  await page.addScriptTag({ url: `${server.url}/ws/sockjs.min.js` });
  await page.addScriptTag({ path: STOMP_SCRIPT });
  const talking = talk(page, userId, peer, transport);
  const message = await Promise.race([bob.event(`/user/${peer}/queue/messages`), talking]);
  expect(message).toMatchObject({ senderId: userId, content: "from the page 👋" });
  bob.send("/app/chat.send", { conversationId: userId, content: HOSTILE });
  expect(await talking).toEqual({
    transport,
    received: HOSTILE,
    statuses: ["SENT", "DELIVERED"],
  });
  expect(faults).toEqual([]);
}

describe("Chromium, on the server's own page", () => {
  test.each([
    ...["websocket", "xhr-streaming", "xhr-polling", "eventsource", "htmlfile"],
    ...["jsonp-polling", "iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling"],
  ])("chats over %s", (transport) => talkInChromium(`${server.url}/ws`, "own", transport));
});

describe("Chromium, on a page of another origin", () => {
  test.each([
    ...["websocket", "xhr-streaming", "xhr-polling", "eventsource"],
    ...["jsonp-polling", "iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling"],
  ])("chats over %s", (transport) => talkInChromium(elsewhere.url.href, "foreign", transport));
});
