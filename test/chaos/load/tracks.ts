import type { Cursor, SyncedConversation } from "../checker/record.ts";
import { Track } from "./track.ts";
import type { Synced } from "./wire.ts";

/** How far one device has come in each of its user's conversations. */
export class Tracks {
  readonly #tracks: ReadonlyMap<string, Track>;

  constructor(conversationIds: readonly string[]) {
    this.#tracks = new Map(conversationIds.map((id) => [id, new Track()]));
  }

  /** A new connection; see `Track.begin`. */
  begin(syncs: boolean): void {
    for (const track of this.#tracks.values()) track.begin(syncs);
  }

  /** Of all of them: a device that has nothing of a conversation says so. */
  cursors(): Map<string, Cursor> {
    return new Map([...this.#tracks].map(([id, { cursor }]) => [id, cursor]));
  }

  cursorOf(conversationId: string): Cursor {
    return this.#tracks.get(conversationId)?.cursor ?? { seq: 0, id: null };
  }

  receive(conversationId: string, seq: number, id: string): void {
    this.#tracks.get(conversationId)?.receive(seq, id);
  }

  see(conversationId: string, seq: number, id: string): void {
    this.#tracks.get(conversationId)?.see(seq, id);
  }

  /** The answers to what was asked, without those about conversations that there are not. */
  synced({ conversations }: Synced): Map<string, SyncedConversation> {
    const answers = new Map<string, SyncedConversation>();
    for (const [id, answer] of Object.entries(conversations)) {
      const track = this.#tracks.get(id);
      if ("error" in answer) {
        track?.forget(); // A crash took the conversation before its first message was confirmed.
        continue;
      }
      answers.set(id, answer);
      // Until the history is read the device has nothing, and says so if it must come again.
      if (answer.resync) track?.forget();
      else track?.raiseTo(answer.seq);
    }
    return answers;
  }
}
