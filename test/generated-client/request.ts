/** Whom an app asks as, and where the server is: what its generated client does not know. */
export interface Caller {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Options of a call of the generated client. */
export type As = RequestInit & { readonly caller?: Caller };

/** The transport of the generated client, as an app writes it: status, body and headers. */
export async function request<Answer>(path: string, { caller, ...init }: As): Promise<Answer> {
  if (caller === undefined) throw new Error(`Nobody asks for ${path}`);
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(caller.headers)) headers.set(name, value);
  const answer = await fetch(caller.url + path, { ...init, headers });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.includes("json") === true;
  const data: unknown = isJson ? JSON.parse(text) : text === "" ? undefined : text;
  // The document says what comes with which status; other tests hold the server to it.
  return { data, status: answer.status, headers: answer.headers } as Answer;
}
