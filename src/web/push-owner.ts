const STORED_AS = "parley.push";

/** Who is told of messages in this browser. */
export interface PushOwner {
  readonly userId: string;
  /** What the server calls this browser. */
  readonly targetId: string;
}

/** null: nobody. */
export function recallPushOwner(storage: Storage): PushOwner | null {
  const value: unknown = JSON.parse(storage.getItem(STORED_AS) ?? "null");
  if (typeof value !== "object" || value === null) return null;
  if (!("userId" in value && "targetId" in value)) return null;
  const { userId, targetId } = value;
  return typeof userId === "string" && typeof targetId === "string" ? { userId, targetId } : null;
}

export function rememberPushOwner({ userId, targetId }: PushOwner, storage: Storage): void {
  storage.setItem(STORED_AS, JSON.stringify({ userId, targetId }));
}

export function forgetPushOwner(storage: Storage): void {
  storage.removeItem(STORED_AS);
}
