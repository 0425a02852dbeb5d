/**
 * A process that moves a database, and kills itself at its n-th report of how far it is: at once, or
 * while what it told of is under way. `move-until-killed.ts DATABASE URL N now|later`. It ends with 0
 * when it has come to its end.
 */
import { systemClock } from "../../src/clock.ts";
import { move } from "../../src/storage/move.ts";

const [path = "", url = "", last = "", when = ""] = process.argv.slice(2);
const kill = () => process.kill(process.pid, "SIGKILL");
let reports = 0;
await move({
  ...{ path, url, urlName: "--to", clock: systemClock },
  ...{ statementTimeoutMs: 30_000, busyTimeoutMs: 5_000 },
  onProgress: () => {
    reports += 1;
    if (reports !== Number(last)) return;
    if (when === "now") kill();
    else setImmediate(() => setImmediate(kill));
  },
});
process.exit(0);
