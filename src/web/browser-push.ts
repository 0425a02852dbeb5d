/** Where a browser is reached, and by which keys what is sent there is encrypted [RFC 8291]. */
export interface BrowserSubscription {
  readonly endpoint: string;
  /** In base64url. */
  readonly keys: { readonly p256dh: string; readonly auth: string };
  /** Of the server that may send there, in base64url. */
  readonly serverKey: string;
}

/** What a browser does for push messages. */
export interface BrowserPush {
  /** insecure: it would, over HTTPS. */
  readonly support: "supported" | "insecure" | "unsupported";
  permission(): NotificationPermission;
  /** From within the user's gesture, or browsers refuse. */
  askPermission(): Promise<NotificationPermission>;
  /** null: there is none. */
  subscription(): Promise<BrowserSubscription | null>;
  /**
   * In the place of another one, if there is one. Rejects with DOMException where the browser or its
   * push service refuses; without a network it may take for ever.
   */
  subscribe(serverKey: string): Promise<BrowserSubscription>;
  /** What is shown is taken back, too. */
  unsubscribe(): Promise<void>;
  /** Takes back what is still shown of the conversation. */
  closeNotices(conversationId: string): Promise<void>;
}

const SCRIPT = "/sw.js";

/** This browser. */
export function browserPush(): BrowserPush {
  const isThere = isSecureContext && "serviceWorker" in navigator && "PushManager" in window;
  if (!isThere || !("Notification" in window)) {
    return { ...NO_PUSH, support: isSecureContext ? "unsupported" : "insecure" };
  }
  const { serviceWorker } = navigator;
  const known = () => serviceWorker.getRegistration(SCRIPT);
  const current = async () => (await (await known())?.pushManager.getSubscription()) ?? null;
  const close = async (of: GetNotificationOptions) => {
    if (Notification.permission !== "granted") return; // Nothing is shown.
    const shown = (await (await known())?.getNotifications(of)) ?? [];
    for (const notice of shown) notice.close();
  };
  return {
    support: "supported",
    permission: () => Notification.permission,
    askPermission: () => Notification.requestPermission(),
    async subscription() {
      const subscription = await current();
      return subscription === null ? null : read(subscription);
    },
    async subscribe(serverKey) {
      await serviceWorker.register(SCRIPT, { updateViaCache: "none" });
      const { pushManager } = await serviceWorker.ready;
      await (await pushManager.getSubscription())?.unsubscribe();
      const options = { userVisibleOnly: true, applicationServerKey: serverKey };
      return read(await pushManager.subscribe(options));
    },
    async unsubscribe() {
      await (await current())?.unsubscribe();
      await close({});
    },
    closeNotices: (conversationId) => close({ tag: conversationId }),
  };
}

const NO_PUSH: Omit<BrowserPush, "support"> = {
  permission: () => "denied",
  askPermission: async () => "denied",
  subscription: async () => null,
  subscribe: () => Promise.reject(new DOMException("No push messages", "NotSupportedError")),
  unsubscribe: async () => {},
  closeNotices: async () => {},
};

function read(subscription: PushSubscription): BrowserSubscription {
  const key = (name: PushEncryptionKeyName) => base64url(subscription.getKey(name));
  return {
    endpoint: subscription.endpoint,
    keys: { p256dh: key("p256dh"), auth: key("auth") },
    serverKey: base64url(subscription.options.applicationServerKey),
  };
}

function base64url(bytes: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(bytes ?? new ArrayBuffer()));
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
