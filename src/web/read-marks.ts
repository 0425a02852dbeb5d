import type { Event } from "./state.ts";

/** What the user has read in one tab is read in the others of this browser too. */
export class ReadMarks {
  readonly #channel: BroadcastChannel;

  constructor(userId: string, dispatch: (event: Event) => void) {
    this.#channel = new BroadcastChannel(`parley.read/${userId}`);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data !== "object" || data === null) return;
      if (!("conversationId" in data && "seq" in data)) return;
      const { conversationId, seq } = data;
      if (typeof conversationId !== "string" || typeof seq !== "number") return;
      dispatch({ kind: "read-reported", conversationId, seq });
    };
  }

  tell(conversationId: string, seq: number): void {
    this.#channel.postMessage({ conversationId, seq });
  }

  close(): void {
    this.#channel.close();
  }
}
