import type { Placement } from "./samples.ts";

/** The node of one of a pair; users 2n and 2n + 1 are one. */
export function nodeOfPartner(user: number, nodes: number, placement: Placement): number {
  const pair = user >> 1;
  const node = pair % nodes;
  if (user % 2 === 0) return node;
  return (placement === "apart" ? node + 1 : Math.floor(pair / nodes)) % nodes;
}

/** Members of a group are on all nodes by turns. */
export function nodeOfMember(user: number, nodes: number): number {
  return user % nodes;
}

/** Of all messages of pairs, those that go from one node to another. */
export function crossingShare(nodes: number, placement: Placement): number {
  if (nodes === 1) return 0;
  return placement === "apart" ? 1 : 1 - 1 / nodes;
}
