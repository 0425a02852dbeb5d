import type { Log } from "../log.ts";
import { gapSentences } from "./sqlite-invariants.ts";
import type { OpeningReport, Verification } from "./sqlite-opening.ts";

/** One line on what an opening found and did; one more, an error, when messages are missing. */
export function logOpening(report: OpeningReport, log: Log | undefined): void {
  if (log === undefined) return;
  const { isNew, isAfterCrash, recoveredBytes, verification } = report;
  const fields = { recoveredBytes, ...verificationFields(verification) };
  const line = isNew
    ? "a new database was made"
    : [foundText(isAfterCrash, recoveredBytes), ...didTexts(verification)].join(", ");
  if (isAfterCrash || (verification?.mended ?? null) !== null) log.warn(fields, line);
  else log.info(fields, line);
  for (const sentence of verification === null ? [] : gapSentences(verification.inspection)) {
    log.error({}, `the database is served although ${sentence}`);
  }
}

function foundText(isAfterCrash: boolean, recoveredBytes: number): string {
  if (!isAfterCrash) return "the database was closed in order";
  return `recovered ${recoveredBytes} bytes of write-ahead log after a crash`;
}

function didTexts(verification: Verification | null): string[] {
  if (verification === null) return ["not checked"];
  const { inspection, mended, tookMs } = verification;
  const { conversations, messages } = inspection;
  const checked = `checked ${conversations} conversations, ${messages} messages in ${Math.round(tookMs)} ms`;
  if (mended === null) return [checked];
  const { lagging, misplacedWatermarks } = mended;
  return [
    checked,
    ...(lagging > 0 ? [`mended the last seq of ${lagging} conversations`] : []),
    ...(misplacedWatermarks > 0 ? [`mended the watermarks of ${misplacedWatermarks} members`] : []),
  ];
}

function verificationFields(verification: Verification | null) {
  if (verification === null) return {};
  const { inspection, mended, tookMs } = verification;
  const { conversations, messages } = inspection;
  return { conversations, messages, ...mended, tookMs: Math.round(tookMs) };
}
