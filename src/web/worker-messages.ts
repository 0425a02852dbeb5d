/** What the service worker tells the page's tabs. */
export type WorkerMessage =
  | { readonly kind: "open-conversation"; readonly conversationId: string }
  /** The browser has put another push subscription in the place of the one that the server knows. */
  | { readonly kind: "subscription-changed" };

/** null: it is none. */
export function readWorkerMessage(value: unknown): WorkerMessage | null {
  if (typeof value !== "object" || value === null || !("kind" in value)) return null;
  if (value.kind === "subscription-changed") return { kind: value.kind };
  if (value.kind !== "open-conversation" || !("conversationId" in value)) return null;
  const { kind, conversationId } = value;
  return typeof conversationId === "string" ? { kind, conversationId } : null;
}
