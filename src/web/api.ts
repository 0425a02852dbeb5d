import { credentials, type Identity } from "./identity.ts";
import {
  type ConversationSummary,
  readConversation,
  readList,
  readMessage,
  readPresence,
  type UserPresence,
  type WireMessage,
} from "./wire.ts";

/** The server's answer to a request that it refused. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

export interface HistoryRange {
  readonly before?: number;
  readonly after?: number;
  readonly limit: number;
}

/** The HTTP API. Each call fails with ApiError, MalformedBody, or TypeError without a network. */
export class Api {
  readonly #headers: Record<string, string>;

  constructor(identity: Identity) {
    this.#headers = credentials(identity);
  }

  /** The newest message first. */
  async conversations(): Promise<ConversationSummary[]> {
    const body = await this.#get("/api/conversations", { limit: 50 });
    return readList(body, "conversations", readConversation);
  }

  /** Ascending by `seq`. A conversation without a first message has none. */
  async history(conversationId: string, range: HistoryRange): Promise<WireMessage[]> {
    const path = `/api/conversations/${encodeURIComponent(conversationId)}/messages`;
    try {
      return readList(await this.#get(path, { ...range }), "messages", readMessage);
    } catch (fault) {
      if (fault instanceof ApiError && fault.code === "CONVERSATION_NOT_FOUND") return [];
      throw fault;
    }
  }

  async online(): Promise<UserPresence[]> {
    return readList(await this.#get("/api/presence", { limit: 100 }), "users", readPresence);
  }

  /** Those of the users whom the server knows. */
  async presenceOf(userIds: readonly string[]): Promise<UserPresence[]> {
    const query = { users: userIds.join(","), limit: 100 };
    return readList(await this.#get("/api/presence", query), "users", readPresence);
  }

  async #get(path: string, query: Record<string, string | number>): Promise<unknown> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) search.set(name, String(value));
    const response = await fetch(`${path}?${search}`, { headers: this.#headers });
    const body: unknown = await response.json();
    if (response.ok) return body;
    throw new ApiError(response.status, textIn(body, "code"), textIn(body, "detail"));
  }
}

function textIn(body: unknown, name: string): string {
  if (typeof body !== "object" || body === null) return "";
  const value: unknown = Reflect.get(body, name);
  return typeof value === "string" ? value : "";
}
