import icon from "./icon.png";
import { PageTabs } from "./page-tabs.ts";
import { noticeOf } from "./push-notice.ts";
import { ShownKeys } from "./shown-keys.ts";

declare const self: ServiceWorkerGlobalScope;

const shown = new ShownKeys(self.caches);
const tabs = new PageTabs({
  pageUrl: self.registration.scope,
  windows: () => self.clients.matchAll({ type: "window", includeUncontrolled: true }),
  openWindow: (url) => self.clients.openWindow(url),
});

// It answers no requests, so that no tab depends on which version is there.
self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));

self.addEventListener("push", (event) => event.waitUntil(show(event.data?.text() ?? null)));

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { conversationId }: { conversationId: string | null } = event.notification.data;
  event.waitUntil(tabs.show(conversationId));
});

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function show(payload: string | null): Promise<void> {
  const { key, conversationId, title, body, timestampMs } = noticeOf(payload);
  const display = () =>
    self.registration.showNotification(title, {
      ...{ body, icon, data: { conversationId } },
      // A later one takes the place of an earlier one of the conversation, and is heard all the same.
      ...{ tag: conversationId ?? "parley", renotify: true },
      ...(timestampMs !== null && { timestamp: timestampMs }),
    });
  await (key === null ? display() : shown.once(key, display));
}

/** The server learns of it by a tab, which knows in whose name: from one that is open, or the next. */
async function renew(event: PushSubscriptionChangeEvent): Promise<void> {
  const { oldSubscription, newSubscription } = event;
  if (newSubscription === null && oldSubscription !== null) {
    const { userVisibleOnly, applicationServerKey } = oldSubscription.options;
    await self.registration.pushManager.subscribe({ userVisibleOnly, applicationServerKey });
  }
  await tabs.tell({ kind: "subscription-changed" });
}
