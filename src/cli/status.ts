import { z } from "zod";
import type { LoadedSettings } from "../config.ts";
import { askServer } from "./ask-server.ts";
import { type CliContext, EXIT } from "./context.ts";

export const STATUS_FLAGS = ["--url"] as const;
export const STATUS_SWITCHES = ["--json"] as const;

const answerSchema = z.object({
  backplane: z.string(),
  nodes: z.array(
    z.object({
      ...{ id: z.string(), version: z.string(), startedAt: z.string(), heardAt: z.string() },
      ...{ connections: z.int(), onlineUsers: z.int(), isSelf: z.boolean() },
      isConnected: z.boolean(),
      // Of an older server there is none.
      differs: z.array(z.string()).default([]),
    }),
  ),
});

type Status = z.output<typeof answerSchema>;

/** Lists the nodes of an installation, as one of them knows. Exits with 0 when that one answers. */
export async function status(context: CliContext, loaded: LoadedSettings): Promise<number> {
  const { commandFlags, commandSwitches, settings } = loaded;
  const [key] = settings.api.keys;
  const { url, answer } = await askServer(context, settings, {
    ...{ command: "status", path: "/api/nodes", given: commandFlags.get("--url") },
    headers: key === undefined ? {} : { "x-api-key": key },
  });
  const refuse = (fault: string) => {
    context.stderr(`parley: ${url.href} ${fault}\n`);
    return EXIT.refused;
  };
  if (typeof answer === "string") return refuse(answer);
  if (answer.status === 401) {
    const asked = key === undefined ? "asks for an API key" : "does not know this API key";
    return refuse(`${asked}: give a key of its api.keys (PARLEY_API_KEYS)`);
  }
  if (answer.status !== 200) return refuse(`answers with status ${answer.status}`);
  const known = answerSchema.safeParse(jsonOf(answer.body));
  if (!known.success) return refuse("answers something else");
  context.stdout(commandSwitches.has("--json") ? `${answer.body}\n` : table(known.data));
  return EXIT.ok;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function table({ backplane, nodes }: Status): string {
  const rows = nodes.map((node) => [
    ...[node.isSelf ? `${node.id} (asked)` : node.id, node.version, node.startedAt],
    ...[String(node.connections), String(node.onlineUsers)],
    backplane === "LOCAL" ? "alone" : node.isConnected ? "connected" : "not connected",
    node.heardAt,
  ]);
  const head = ["NODE", "VERSION", "SINCE", "CONNECTIONS", "USERS", "BACKPLANE", "LAST BEAT"];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[...all.map(line), ...complaints(nodes)].join("\n")}\n`;
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
