import type { Placement } from "./samples.ts";

/** The node of one of a pair; users 2n and 2n + 1 are one. */
export function nodeOfPartner(user: number, nodes: number, placement: Placement): number {
  const pair = user >> 1;
  const node = pair % nodes;
  if (user % 2 === 0) return node;
  return (placement === "apart" ? node + 1 : Math.floor(pair / nodes)) % nodes;
}

/** Members of a group are on all nodes by turns, or all on the first. */
export function nodeOfMember(user: number, nodes: number, placement: Placement): number {
  return placement === "gathered" ? 0 : user % nodes;
}
