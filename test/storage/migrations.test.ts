import { expect, test } from "bun:test";
import { POSTGRES_MIGRATIONS } from "../../src/storage/postgres-migrations.ts";
import { MIGRATIONS } from "../../src/storage/sqlite-migrations.ts";

/** SHA-256 of each step, in order: databases are at each of these versions, and go on from there. */
const SQLITE_STEPS = [
  "a9526c963a3131d18551711350c31310e3289e803d84f395d6dddb847f6fdbf1",
  "c40f64495ddb32a64fd7e20c84b4c13b5f94d2fab19ab5f5ff6674ffd2716b57",
  "155c62805ff6e05e41f9bcd48b5eb0fad2db8cfb935e816c876631969d9668ca",
  "2e9bf49d04508c5cd39d3b843c715bdcccc8caa6bb55fe93630206d1f832f089",
  "59833b57e4ae996e1821e9ac98be1a0a802ffef57b5e33ef0813f4b832578558",
  "c483b300a63d841e7ea7bd8f3cfd6363338ae44f04361d4a01dc9c13af45f456",
  "7a0f43b96b8aafc4dc1cbeec998e6f694eee45c70336094a4ac4c3cbf3f856d6",
  "a53ef6f6702a967875abb793d96ef0242de7e424aca646e9ae333ce7b663723b",
  "e8026a15f518cba566e6e9578a4b8b739ae96d6f0bb8ffed15bf7caaaaec74c6",
  "ca5714f52d9dbbd5ad981d1568856700c3ea58dc96211fc161601cd91e00c374",
  "39a33b203162425adc3b3723cf2aa6a4ec393145734902cff34680bbbf250029",
  "a995d699b8990277a2041c3c3fd66bc403b2f17078a0eaa855e37e218528bc18",
  "58c5d0840b724e74b6e0aef85988b7048da5b4becfa29563fbb144ab05556be6",
  "f8d2b14ba0480bc1df05d9605a2f944160874ffa3577d1a47527b4b20f1d4e13",
  "3efe9683ee65d49e7876e9eced40ca9369c865e2a6d60079850edce578cc6887",
  "6d9b012c0eaf945f646d08f5e1a41144924dd8c9a2321819305c52505881aa48",
  "d751bea35431f033420bec0b6b18d7c01abbabff187c3400c461167decb0cfc6",
];

const POSTGRES_STEPS = [
  "26a9a724ac94ca8d7a7a07f70197f13e9253d9eb83001bd1c55d0777745863b6",
  "054b274b1073e81c01e455f44a23d678cb8199ad24ae3d372423815ef2cde987",
  "051326cd711bac06dc1fd3ffc4e16e77bbbe0a31ea9c2556b872db52497c9244",
  "52224c9349dd0958fa749bf1ce29716548686f4830c0ac74b0d2e7e7872fed67",
];

const digest = (step: string): string => new Bun.CryptoHasher("sha256").update(step).digest("hex");

test.each([
  ["SQLite", MIGRATIONS, SQLITE_STEPS],
  ["PostgreSQL", POSTGRES_MIGRATIONS, POSTGRES_STEPS],
])("a step of %s's schema that was released stays as it is, and where it is", (_, steps, known) => {
  expect(steps.map(digest)).toEqual(known);
});
