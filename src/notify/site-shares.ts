import { siteOf } from "./site.ts";
import { WaitingLine } from "./waiting-line.ts";

/** Of those that were sent to last; of others it is not known whether they answer. */
const MOST_KEPT = 10_000;
/** How long a send takes, where none has ended yet. */
const ASSUMED_MS = 100;

/** Sends that are bounded together; those who wait for it stand in line. */
class Share {
  readonly #line: WaitingLine;
  underWay = 0;
  /** By the last send that has ended. */
  tookMs = ASSUMED_MS;

  constructor(random: () => number) {
    this.#line = new WaitingLine(random);
  }

  /** Nobody has to wait any more: who has a turn keeps it. */
  clear(): void {
    this.#line.clear();
  }

  /** null: there are fewer under way than there may be. */
  turnMs(most: number, nowMs: number): number | null {
    return this.underWay < most ? null : this.#line.turnMs(nowMs, this.tookMs / most);
  }
}

/** By the last send that has ended: it shows whether the site answers. */
type Standing = "answering" | "unknown" | "failing";

interface Bounds {
  /** Sends under way to one site. */
  readonly each: number;
  /** To all sites of the standing. */
  readonly together: number;
}

interface Site {
  readonly share: Share;
  standing: Standing;
}

/**
 * How the lanes of a channel are shared by the sites whose servers targets name, so that end points
 * that hang keep few of them, whoever has named them and under however many names: a site that answers
 * has half of the lanes at most, one of which it is not known yet an eighth, and all of these a
 * quarter; one that fails has one lane, and all of these an eighth.
 */
export class SiteShares {
  readonly #random: () => number;
  readonly #bounds: Readonly<Record<Standing, Bounds>>;
  readonly #together: Readonly<Record<Standing, Share>>;
  readonly #sites = new Map<string, Site>();

  /** @param lanes at least 1 */
  constructor(lanes: number, random: () => number) {
    this.#random = random;
    // Of few lanes a site has two: one send that hangs is not to keep all others to a good one waiting.
    const part = (parts: number) => Math.min(lanes, Math.max(2, Math.ceil(lanes / parts)));
    this.#bounds = {
      answering: { each: part(2), together: lanes },
      unknown: { each: part(8), together: part(4) },
      failing: { each: 1, together: Math.ceil(lanes / 8) },
    };
    const [answering, unknown, failing] = [new Share(random), new Share(random), new Share(random)];
    this.#together = { answering, unknown, failing };
  }

  /** null: a send may begin. Else when its turn comes, about, in epoch milliseconds. */
  turnMs(host: string, nowMs: number): number | null {
    const site = this.#sites.get(siteOf(host));
    const standing = site?.standing ?? "unknown";
    const { each, together } = this.#bounds[standing];
    return site?.share.turnMs(each, nowMs) ?? this.#together[standing].turnMs(together, nowMs);
  }

  began(host: string): void {
    const name = siteOf(host);
    const site = this.#sites.get(name) ?? this.#newSite();
    site.share.underWay += 1;
    this.#together[site.standing].underWay += 1;
    // Behind the others: the one that was sent to longest ago is forgotten first.
    this.#sites.delete(name);
    this.#sites.set(name, site);
    if (this.#sites.size > MOST_KEPT) this.#forgetOne();
  }

  /** @param answers null: it has not shown */
  ended(host: string, tookMs: number, answers: boolean | null): void {
    const site = this.#sites.get(siteOf(host));
    if (site === undefined) return;
    for (const share of [site.share, this.#together[site.standing]]) {
      share.underWay -= 1;
      share.tookMs = tookMs;
    }
    if (answers === null) return;
    const standing = answers ? "answering" : "failing";
    if (standing !== site.standing) this.#setStanding(site, standing);
  }

  #setStanding(site: Site, standing: Standing): void {
    const { underWay } = site.share;
    this.#together[site.standing].underWay -= underWay;
    site.standing = standing;
    this.#together[standing].underWay += underWay;
    if (standing === "answering") site.share.clear();
  }

  #newSite(): Site {
    return { share: new Share(this.#random), standing: "unknown" };
  }

  #forgetOne(): void {
    for (const [name, { share }] of this.#sites) {
      if (share.underWay > 0) continue;
      this.#sites.delete(name);
      return;
    }
  }
}
