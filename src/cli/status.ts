import { z } from "zod";
import type { LoadedSettings } from "../config.ts";
import { askAsBackEnd } from "./ask-as-back-end.ts";
import { type CliContext, EXIT } from "./context.ts";
import { tableLines } from "./table.ts";

export const STATUS_FLAGS = ["--url"] as const;
export const STATUS_SWITCHES = ["--json"] as const;

const answerSchema = z.object({
  backplane: z.string(),
  nodes: z.array(
    z.object({
      ...{ id: z.string(), version: z.string(), startedAt: z.string(), heardAt: z.string() },
      ...{ connections: z.int(), onlineUsers: z.int(), isSelf: z.boolean() },
      isConnected: z.boolean(),
      // Older servers say neither.
      isLeader: z.boolean().default(false),
      differs: z.array(z.string()).default([]),
    }),
  ),
});

type Status = z.output<typeof answerSchema>;

/** Lists the nodes of an installation, as one of them knows. Exits with 0 when that one answers. */
export async function status(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const question = { command: "status", path: "/api/nodes", schema: answerSchema };
  const answer = await askAsBackEnd(context, loaded, question);
  if (answer === null) return EXIT.refused;
  const { text, document } = answer;
  context.stdout(loaded.commandSwitches.has("--json") ? `${text}\n` : table(document));
  return EXIT.ok;
}

function table({ backplane, nodes }: Status): string {
  const rows = nodes.map((node) => [
    ...[named(node), node.version, node.startedAt],
    ...[String(node.connections), String(node.onlineUsers)],
    backplane === "LOCAL" ? "alone" : node.isConnected ? "connected" : "not connected",
    node.heardAt,
  ]);
  const head = ["NODE", "VERSION", "SINCE", "CONNECTIONS", "USERS", "BACKPLANE", "LAST BEAT"];
  return `${[...tableLines([head, ...rows]), ...complaints(nodes)].join("\n")}\n`;
}

function named({ id, isSelf, isLeader }: Status["nodes"][number]): string {
  const is = [isSelf ? "asked" : [], isLeader ? "leads" : []].flat();
  return is.length === 0 ? id : `${id} (${is.join(", ")})`;
}

/** What makes nodes unequal that should be equal. */
function complaints(nodes: Status["nodes"]): string[] {
  const names = nodes.map(({ id }) => id);
  const twins = new Set(names.filter((id, index) => names.indexOf(id) !== index));
  const versions = new Set(nodes.map(({ version }) => version));
  const found = [
    ...nodes.flatMap(({ id, differs }) =>
      differs.length === 0
        ? []
        : `${id} has other values than the one asked of ${differs.join(", ")}: all nodes must have the same`,
    ),
    ...[...twins].map((id) => `${id} is the name of several nodes: give each its own node.id`),
    ...(versions.size === 1 ? [] : ["The nodes are of several versions: bring all to one"]),
  ];
  return found.length === 0 ? [] : ["", ...found];
}
