import type { OtherNodes } from "../../src/chat/other-nodes.ts";

/** Nodes that share the store, and hear nothing. */
export const unheardNodes: OtherNodes = { heard: () => null, toUser() {}, toAll() {} };
