import { expect, test } from "bun:test";
import type { Script } from "./conversation.ts";
import { Random } from "./random.ts";
import { complaintsIn, MEMORY_SLACK_MIB, memoryFaults } from "./run.ts";
import { smallest } from "./shrink.ts";

test("the same seed makes the same choices, and another one others", () => {
  const choices = (seed: number, stream: number) => {
    const random = new Random(seed, stream);
    return Array.from({ length: 50 }, () => random.below(1_000));
  };
  expect(choices(7, 3)).toEqual(choices(7, 3));
  expect(choices(7, 3)).not.toEqual(choices(8, 3));
  expect(choices(7, 3)).not.toEqual(choices(7, 4));
});

test("a finding shrinks to the pieces that it needs, in their rounds and order", async () => {
  const pieces = (text: string) => [...text].map((letter) => Buffer.from(letter));
  const script = [pieces("aXbcd"), pieces("efgYhij"), pieces("klm")];
  const letters = (candidate: Script) => candidate.flat().join("");
  const found = await smallest(script, async (candidate) => /X.*Y/.test(letters(candidate)));
  expect(found.map((round) => round.join(""))).toEqual(["X", "Y"]);
});

test("memory that grows with the frames is a fault, and a collector's slack is none", () => {
  expect(memoryFaults([100, 110, 130, 100 + MEMORY_SLACK_MIB], 1_000)).toEqual([]);
  expect(memoryFaults([100, 130, 160, 220], 1_000)).toHaveLength(1);
  expect(memoryFaults([100, 130, 160], 1_000_000)).toEqual([]);
  expect(memoryFaults([100, 300, 500], 1_000_000)).toHaveLength(1);
});

test("what the server logs as its own fault is one, and a refusal is none", () => {
  const info = '{"level":"info","code":"MALFORMED_FRAME","msg":"Connection refused with an ERROR"}';
  const fault = '{"level":"error","err":{"message":"x is undefined"},"msg":"Internal error"}';
  expect(complaintsIn(info)).toEqual([]);
  expect(complaintsIn(`${info}\n${fault}`)).toHaveLength(1);
});
