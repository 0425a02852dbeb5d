import { describeSettings, type SettingDescription } from "../config.ts";

const COMMANDS = [
  ["serve [flags]", "Run the server. The default command."],
  [
    "token --user ID [--name NAME] [--role A,B] [--expires 12h]",
    "Print a token for a user, signed with jwt.secret.",
  ],
  [
    "keys vapid [--json]",
    "Print new keys for web push, as settings: webpush.public_key and webpush.private_key.",
  ],
  [
    "backup FILE [--force]",
    "Copy the database into FILE, also while a server runs; --force replaces a FILE that is there.",
  ],
  [
    "restore FILE",
    "Put a backup in place of the database, which is kept aside. Not while a server runs.",
  ],
  [
    "migrate --from sqlite:FILE [--to postgres://…]",
    "Move a database to PostgreSQL, by default database.url. Not while a server runs. Ended early, it\n      goes on where it was.",
  ],
  ["health [--url URL]", "Exit with 0 if the server answers that it is well."],
  [
    "status [--url URL] [--json]",
    "List the nodes of the installation, as the server knows that is asked, and in what they do not fit together; by a key of api.keys. Exit with 0 if it answers.",
  ],
  [
    "notices dead [--url URL] [--json]",
    "List what could not be sent to users who are away, or to webhooks, by a key of api.keys.",
  ],
  [
    "notices replay (--all | ID …) [--url URL]",
    "Have it sent after all, as if nothing had failed.",
  ],
  [
    "webhooks replay --from TIME [--url URL]",
    "Tell the event webhook anew of all messages from TIME on, such as 2026-01-31T18:00:00Z; by a key of\n      api.keys.",
  ],
  ["version", "Print the version."],
  ["help", "Print this."],
] as const;

const PLACEHOLDERS = {
  text: " TEXT",
  integer: " NUMBER",
  choice: " CHOICE",
  list: " A,B",
  boolean: "",
};

export function helpText(): string {
  const settings = describeSettings().map((setting) => ({
    usage: `${setting.flag}${PLACEHOLDERS[setting.kind]}`,
    meaning: meaning(setting),
  }));
  const flags = [
    { usage: "--config FILE", meaning: "The configuration file [parley.toml or parley.json]" },
    ...settings,
  ];
  const width = Math.max(...flags.map(({ usage }) => usage.length));
  return [
    "Parley: self-hosted real-time chat over STOMP.",
    "",
    "Usage: parley [command] [flags]",
    "",
    ...COMMANDS.flatMap(([usage, purpose]) => [`  ${usage}`, `      ${purpose}`]),
    "",
    "Flags (default in brackets):",
    "",
    ...flags.map((flag) => `  ${flag.usage.padEnd(width)}  ${flag.meaning}`),
    "",
    "A flag may be written --key=value, a switch also --no-key. The environment has the same",
    "settings (--limits-frame-bytes is PARLEY_LIMITS_FRAME_BYTES), and so has the configuration",
    "file (frame_bytes under [limits]). A secret may be named by its file: --jwt-secret-file,",
    "PARLEY_JWT_SECRET_FILE, secret_file under [jwt]. Flags come before the environment, that",
    "before the file.",
    "",
  ].join("\n");
}

function meaning({ description, kind, expected, defaultText }: SettingDescription): string {
  const choices = kind === "choice" ? ` ${expected[0]?.toUpperCase()}${expected.slice(1)}.` : "";
  return `${description}${choices}${defaultText === "" ? "" : ` [${defaultText}]`}`;
}
