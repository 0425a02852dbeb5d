import { z } from "zod";

/** Of the health document. @return users who are there, on all nodes, as the node knows */
export async function onlineUsers(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/websocket/health`);
  return z.object({ onlineUsers: z.number() }).parse(await answer.json()).onlineUsers;
}

/** How many nodes the node knows, itself among them. */
export async function knownNodes(port: number, apiKey: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/nodes`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  return z.object({ nodes: z.array(z.unknown()) }).parse(await answer.json()).nodes.length;
}
