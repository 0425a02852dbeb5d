/**
 * A process that restores a database and kills itself before its n-th change in the file system:
 * `restore-until-killed.ts DATABASE BACKUP N`. It ends with 0 when it has come to its end.
 */
import { systemClock } from "../../src/clock.ts";
import { restore } from "../../src/storage/sqlite-restore.ts";
import { observedFiles } from "../support/faulty-files.ts";

const [path = "", file = "", last = ""] = process.argv.slice(2);
let changes = 0;
const files = observedFiles(() => {
  changes += 1;
  if (changes === Number(last)) process.kill(process.pid, "SIGKILL");
});
restore({ path, file, files, clock: systemClock });
