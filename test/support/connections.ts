/** How many connections the server has, as its health document says. */
export async function connectionsOf(
  { url }: { readonly url: string },
  options: BunFetchRequestInit = {},
): Promise<number> {
  const answer = await fetch(`${url}/api/websocket/health`, options);
  const { activeConnections }: { activeConnections: number } = await answer.json();
  return activeConnections;
}
