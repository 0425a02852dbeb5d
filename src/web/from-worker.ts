import { hashOfConversation } from "./conversation-address.ts";
import { readWorkerMessage, type WorkerMessage } from "./worker-messages.ts";

/** What the service worker tells this tab. Returns what ends it. */
export function onWorkerMessage(take: (message: WorkerMessage) => void): () => void {
  if (!("serviceWorker" in navigator)) return () => {};
  const { serviceWorker } = navigator;
  const onMessage = ({ data }: MessageEvent) => {
    const message = readWorkerMessage(data);
    if (message !== null) take(message);
  };
  serviceWorker.addEventListener("message", onMessage);
  return () => serviceWorker.removeEventListener("message", onMessage);
}

/**
 * Opens the conversation of a notice that was pressed, by the address: who has yet to sign in finds it
 * open then.
 */
export function openFromNotice(message: WorkerMessage): void {
  if (message.kind !== "open-conversation") return;
  const hash = hashOfConversation(message.conversationId);
  if (location.hash === "") location.hash = hash;
  else location.replace(hash);
}
