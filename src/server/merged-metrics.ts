/** What a line of Prometheus' text format begins with that says something of the metric of a name. */
const HEAD = /^# (?:HELP|TYPE) (\S+)/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/**
 * The metrics of several processes as one document: each value with the label `process`. One more
 * metric says which of them answered.
 *
 * @param texts in Prometheus' text format by the process' number; null: it did not answer
 */
export function mergeMetrics(texts: ReadonlyMap<number, string | null>): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const [number, text] of texts) {
    let family = { head: [] as string[], samples: [] as string[] };
    for (const line of (text ?? "").split("\n")) {
      const name = HEAD.exec(line)?.[1];
      if (name !== undefined) {
        const known = families.get(name);
        family = known ?? { head: [], samples: [] };
        families.set(name, family);
        if (!family.head.some((other) => other === line)) family.head.push(line);
        continue;
      }
      const [, sample, labels, value] = SAMPLE.exec(line) ?? [];
      if (sample === undefined) continue;
      const rest = labels ? `,${labels}` : "";
      family.samples.push(`${sample}{process="${number}"${rest}} ${value}`);
    }
  }
  const answered = [...texts].map(
    ([number, text]) => `parley_process_up{process="${number}"} ${text === null ? 0 : 1}`,
  );
  return [
    "# HELP parley_process_up 1: the process answered; 0: its values are missing here.",
    "# TYPE parley_process_up gauge",
    ...answered,
    ...[...families.values()].flatMap(({ head, samples }) => [...head, ...samples]),
    "",
  ].join("\n");
}
