import { z } from "zod";
import { settingsSchema } from "./schema.ts";
import { type SettingTraits, settingTraits } from "./setting.ts";

/** One setting under each of its names. */
export interface SettingDescription extends SettingTraits {
  /** In `Settings`: `["limits", "frameBytes"]`. */
  readonly path: readonly string[];
  /** In files, messages and the documentation: `limits.frame_bytes`. */
  readonly name: string;
  /** `--limits-frame-bytes` */
  readonly flag: string;
  /** `PARLEY_LIMITS_FRAME_BYTES` */
  readonly variable: string;
}

/** Every setting, in the order of the schema. */
export function describeSettings(): readonly SettingDescription[] {
  return describeGroup(settingsSchema.shape, []);
}

function describeGroup(
  shape: Readonly<Record<string, z.ZodType>>,
  path: readonly string[],
): SettingDescription[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const within = [...path, key];
    if (schema instanceof z.ZodObject) return describeGroup(schema.shape, within);
    const traits = settingTraits.get(schema);
    if (traits === undefined) throw new TypeError(`setting ${within.join(".")} is not described`);
    const words = within.map(snakeCase);
    return {
      ...traits,
      path: within,
      name: words.join("."),
      flag: `--${words.join("-").replaceAll("_", "-")}`,
      variable: `PARLEY_${words.join("_").toUpperCase()}`,
    };
  });
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The setting that names a file which holds this one, a secret: `jwt.secret_file` of `jwt.secret`. */
export function fileSetting(secret: SettingDescription): SettingDescription {
  return {
    path: [...secret.path.slice(0, -1), `${secret.path.at(-1)}File`],
    name: `${secret.name}_file`,
    flag: `${secret.flag}-file`,
    variable: `${secret.variable}_FILE`,
    kind: "text",
    description: `A file that holds ${secret.name}.`,
    expected: "the path of a file",
    defaultText: "",
    secret: false,
  };
}
