import { rmSync } from "node:fs";
import type { Environment } from "../config.ts";
import type { ProcessPlace } from "../process-place.ts";
import type { ParentLink, ServerAddresses } from "./context.ts";

/** Where a process finds its place. */
const PLACE_VARIABLE = "PARLEY_PROCESS_PLACE";

export type FromChild = { readonly ready: ServerAddresses };
export type FromParent = { readonly stop: string };

/**
 * This process' parent; null: it was started by somebody else. The variable that says so is removed,
 * so that what this process starts has none.
 */
export function takeParentLink(env: Record<string, string | undefined>): ParentLink | null {
  const text = env[PLACE_VARIABLE];
  delete env[PLACE_VARIABLE];
  if (text === undefined || process.send === undefined) return null;
  const place: ProcessPlace = JSON.parse(text);
  return {
    place,
    ready({ url, tcpUrl, redirectUrl, ports }) {
      const message: FromChild = { ready: { url, tcpUrl, redirectUrl, ports } };
      process.send?.(message);
    },
    onStop(listener) {
      process.on("message", ({ stop }: FromParent) => listener(stop));
      process.on("disconnect", () => {
        // What the parent would have tidied up; the other processes stop too.
        rmSync(place.folder, { recursive: true, force: true });
        listener("the parent process is gone");
      });
    },
  };
}

/** What a process of the server is started with. */
export function environmentAt(place: ProcessPlace, env: Environment): Environment {
  return { ...env, [PLACE_VARIABLE]: JSON.stringify(place) };
}
