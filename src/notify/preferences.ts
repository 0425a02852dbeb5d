/** Which messages of groups a user is told of. */
export type GroupNotices = "all" | "mentions" | "none";

/** Every day between two times of a time zone; over midnight where `to` is not after `from`. */
export interface QuietHours {
  /** `HH:MM`. */
  readonly from: string;
  readonly to: string;
  /** Of the IANA database, such as `Europe/Vienna`. */
  readonly timeZone: string;
}

/** What a user wishes to be told while they are away. */
export interface NoticePreferences {
  readonly push: boolean;
  readonly email: boolean;
  readonly groups: GroupNotices;
  /** What messages say, and who sent them, is shown in notices. */
  readonly previews: boolean;
  /** What comes then is told at their end; null: there are none. */
  readonly quietHours: QuietHours | null;
}

export const DEFAULT_PREFERENCES: NoticePreferences = {
  ...{ push: true, email: true, groups: "all", previews: true, quietHours: null },
};
