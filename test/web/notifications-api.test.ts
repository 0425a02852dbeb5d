import { expect, test } from "bun:test";
import { MalformedBody } from "../../src/web/fields.ts";
import { NotificationsApi } from "../../src/web/notifications-api.ts";
import { ApiError } from "../../src/web/requests.ts";
import { PREFERENCES } from "../support/fake-browser.ts";

const SETUP = { channels: ["webpush"], webPushKey: "key", preferences: PREFERENCES };

/** Where the server answers everything by that. */
function apiOf(answer: () => unknown) {
  const answered = async () => answer();
  return new NotificationsApi({ get: answered, send: answered });
}

test("a server that has no channel tells nobody, nor does one that knows nothing of it", async () => {
  expect(await apiOf(() => SETUP).setup()).toEqual(SETUP);
  expect(await apiOf(() => ({ ...SETUP, channels: [] })).setup()).toBeNull();
  const refusing = (status: number, code: string) => () => {
    throw new ApiError(status, code, "No");
  };
  expect(await apiOf(refusing(404, "NOT_FOUND")).setup()).toBeNull(); // Of the version before.
  await expect(apiOf(refusing(503, "STORAGE_UNAVAILABLE")).setup()).rejects.toThrow("No");
});

test.each([
  { ...SETUP, channels: "webpush" },
  { ...SETUP, preferences: { ...PREFERENCES, groups: "some" } },
  { ...SETUP, preferences: { ...PREFERENCES, quietHours: { from: "22:00" } } },
])("what the server does not promise is not taken", async (answer) => {
  await expect(apiOf(() => answer).setup()).rejects.toThrow(MalformedBody);
});
