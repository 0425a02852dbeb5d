import { expect, test } from "bun:test";
import { NodeChannels } from "../../src/broker/node-channels.ts";
import type { PresenceChange, PresenceNode } from "../../src/chat/presence-elsewhere.ts";
import type { Beat } from "../../src/nodes/node-messages.ts";
import { PresenceReceiver } from "../../src/nodes/presence-receiver.ts";
import { Peer } from "../../src/nodes/roster.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { InProcessNetwork } from "../support/in-process-backplane.ts";

function receiver() {
  const told: string[] = [];
  const clock = new FakeClock();
  const elsewhere = {
    change: (_node: PresenceNode, change: PresenceChange) => {
      told.push(`${change.userId} ${"name" in change ? change.status : "left"}`);
    },
    sweep: () => told.push("swept"),
    drop: () => told.push("dropped"),
  };
  const channels = new NodeChannels(new InProcessNetwork().node("here"), () => {});
  const made = new PresenceReceiver({ channels, clock, run: "here", elsewhere });
  const peer = new Peer("there", beat(0));
  const heard = (spoken: number) => {
    peer.beat = beat(spoken);
    made.heard(peer);
  };
  const changes = (number: number, ...list: PresenceChange[]) =>
    made.changes(peer, { kind: "changes", run: "there", number, changes: list });
  const portion = (
    request: number,
    index: number,
    spoken: number,
    isLast: boolean,
    ...list: PresenceChange[]
  ) =>
    made.portion(peer, {
      ...{ kind: "portion", run: "there", request, index, spoken, isLast, changes: list },
    });
  return { told, clock, made, peer, heard, changes, portion };
}

function beat(spoken: number): Beat {
  return {
    ...{ kind: "beat", run: "there", isHello: false, isLeader: true, version: "1", startedMs: 0 },
    ...{ connections: 0, users: 0, spoken, settings: new Map() },
  };
}

const there = (userId: string): PresenceChange => ({
  ...{ userId, name: userId, status: "ONLINE", saidMs: 0 },
});
const left = (userId: string): PresenceChange => ({ userId, leftMs: 1 });

test("a portion that was made before a change, and comes after it, does not undo it", () => {
  const { told, heard, changes, portion } = receiver();
  heard(4);
  changes(5, left("ann"), there("ben"));
  portion(1, 0, 4, false, there("ann"), there("cleo"));
  portion(1, 1, 5, true, there("ben"));
  expect(told).toEqual(["ann left", "ben ONLINE", "cleo ONLINE", "ben ONLINE", "swept"]);
});

test("changes that come late, or twice, are left out", () => {
  const { told, heard, changes } = receiver();
  heard(4);
  changes(6, there("ann"));
  changes(5, left("ann"));
  changes(6, there("ann"));
  changes(7, there("ben"));
  expect(told).toEqual(["ann ONLINE", "ben ONLINE"]);
});

test("an answer to what was asked before, or that lacks a portion, is left out", () => {
  const { told, heard, portion } = receiver();
  heard(0);
  portion(1, 0, 0, false, there("ann"));
  portion(1, 2, 0, true, there("ben"));
  portion(1, 1, 0, false, there("cleo"));
  expect(told).toEqual(["ann ONLINE"]);
  heard(0);
  portion(1, 0, 0, false, there("dora"));
  portion(2, 0, 0, true, there("emil"));
  expect(told).toEqual(["ann ONLINE", "emil ONLINE", "swept"]);
});

test("a change that is lost while portions come makes their answer begin anew", () => {
  const { told, heard, changes, portion } = receiver();
  heard(1);
  portion(1, 0, 1, false, there("ann"));
  changes(3, there("ben"));
  portion(1, 1, 3, true);
  expect(told).toEqual(["ann ONLINE", "ben ONLINE"]);
  heard(3);
  portion(2, 0, 3, true, there("ben"));
  expect(told).toEqual(["ann ONLINE", "ben ONLINE", "ben ONLINE", "swept"]);
});

test("of a node that is gone nothing is taken", () => {
  const { told, made, peer, heard, changes, portion } = receiver();
  heard(0);
  made.gone(peer);
  changes(1, there("ann"));
  portion(1, 0, 0, true, there("ann"));
  expect(told).toEqual(["dropped"]);
});
