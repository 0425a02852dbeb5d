import type { Target } from "./job.ts";

/** As the app's back end makes one. */
export async function makeConversation(
  { port, apiKey }: Target,
  id: string,
  memberIds: readonly string[],
): Promise<void> {
  const made = await fetch(`http://127.0.0.1:${port}/api/conversations`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ id, memberIds }),
  });
  if (!made.ok) throw new Error(`The conversation was not made: ${await made.text()}`);
}
