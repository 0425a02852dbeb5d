import { API_KEY } from "../load/server-process.ts";

/** Users who are not there, each with a browser that is told by push. */
const AWAY = 200;
const PER_SECOND = 100;
/** A browser's public key: a point of P-256, as any other. */
const KEYS = await browserKeys();

async function browserKeys(): Promise<{ readonly p256dh: string; readonly auth: string }> {
  const usages = ["deriveBits"] as const;
  const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, usages);
  const point = await crypto.subtle.exportKey("raw", pair.publicKey);
  const auth = crypto.getRandomValues(new Uint8Array(16));
  return {
    p256dh: Buffer.from(point).toString("base64url"),
    auth: Buffer.from(auth).toString("base64url"),
  };
}

export interface AwayTraffic {
  /** Messages that the server has taken. */
  readonly count: number;
  /** Resolves when what is under way has been answered. */
  stop(): Promise<void>;
}

/** Subscribes them, where there is a push service, and sends them messages until it is stopped. */
export async function sendToAway(port: number, pushUrl: string | null): Promise<AwayTraffic> {
  const call = async (userId: string, path: string, body: object): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "x-api-key": API_KEY, "x-user-id": userId, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
  for (let user = 0; pushUrl !== null && user < AWAY; user += 1) {
    const target = { channel: "webpush", address: `${pushUrl}/away-${user}`, keys: KEYS };
    await call(`away-${user}`, "/api/notifications/targets", target);
  }
  let count = 0;
  let next = 0;
  let fault: unknown = null;
  const underWay = new Set<Promise<void>>();
  const timer = setInterval(() => {
    const conversationId = `away-${next % AWAY}`;
    const message = { recipientId: conversationId, content: "Where are you?" };
    const path = `/api/conversations/${conversationId}/messages`;
    next += 1;
    const sent = call("sender", path, message).then(
      () => {
        count += 1;
      },
      (reason: unknown) => {
        fault ??= reason;
      },
    );
    underWay.add(sent);
    void sent.finally(() => underWay.delete(sent));
  }, 1_000 / PER_SECOND);
  return {
    get count() {
      return count;
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      if (fault !== null) throw fault;
    },
  };
}
