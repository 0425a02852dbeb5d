import { expect, test } from "bun:test";
import { NoticeRounds } from "../support/notice-rounds.ts";

/** `ROUNDS` and `SEED` in the environment make it longer, and the same again. */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

test(`killed again and again, the server tells of all that it confirmed, and of nothing else (seed ${SEED})`, async () => {
  await using rounds = await NoticeRounds.start(SEED);
  for (let round = 0; round < ROUNDS; round += 1) await rounds.run();
  const findings = await rounds.judge();
  expect(findings.faults).toEqual([]);
  expect(findings.confirmed).toBeGreaterThan(ROUNDS);
}, 600_000);
