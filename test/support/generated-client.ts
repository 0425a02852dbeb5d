import { join, resolve } from "node:path";
import { generate } from "orval";

const FOLDER = resolve(import.meta.dir, "../generated-client");

/** What drives the generated client; it compiles once the client is there. */
export const FLOWS = join(FOLDER, "flows.ts");

/** Makes the client that `FLOWS` imports from a server's own OpenAPI document. */
export async function generateClient(documentUrl: string): Promise<void> {
  await generate({
    input: documentUrl,
    output: {
      target: join(FOLDER, "client.gen.ts"),
      ...{ client: "fetch", mode: "single", headers: true, urlEncodeParameters: true },
      override: { mutator: { path: join(FOLDER, "request.ts"), name: "request" } },
    },
  });
}

/** What the compiler has to say about the flows and the client: "" is nothing. */
export async function typeErrors(): Promise<string> {
  const compiler = Bun.which("tsc", { PATH: resolve(import.meta.dir, "../../node_modules/.bin") });
  const child = Bun.spawn([compiler ?? "tsc", "--project", FOLDER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? "" : told || "tsc failed";
}
