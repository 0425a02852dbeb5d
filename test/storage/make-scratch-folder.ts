/** Makes a scratch folder in the folder of the argument, with a file in it, and lives until killed. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newUuid } from "../../src/ids.ts";
import { ScratchFolder } from "../../src/storage/scratch-folder.ts";

const [parent = ""] = process.argv.slice(2);
const folder = new ScratchFolder(parent, newUuid());
folder.make();
mkdirSync(join(folder.path, "incoming"));
writeFileSync(join(folder.path, "incoming", "file"), "half");
process.on("disconnect", () => process.exit(1)); // Whoever started it is gone.
process.send?.(folder.path);
