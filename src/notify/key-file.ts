import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { AppError } from "../errors.ts";

/** A file that a setting names, with the private key by which Parley proves to a vendor who it is. */
export class KeyFile {
  readonly text: string;
  readonly #setting: string;
  readonly #path: string;

  /** Throws INVALID_CONFIGURATION where it cannot be read. */
  constructor(setting: string, path: string) {
    this.#setting = setting;
    this.#path = path;
    try {
      this.text = readFileSync(path, "utf8");
    } catch (cause) {
      const fault = cause instanceof Error ? cause.message : "unknown fault";
      throw this.refused(`cannot be read (${fault})`);
    }
  }

  /** Throws INVALID_CONFIGURATION where the text is no private key without a password. */
  privateKey(pem: string): KeyObject {
    try {
      return createPrivateKey(pem);
    } catch {
      // What the parser says of it may quote the key.
      throw this.refused("holds no private key in PEM that can be read");
    }
  }

  refused(what: string): AppError {
    return new AppError("INVALID_CONFIGURATION", `${this.#setting}: ${this.#path} ${what}.`);
  }
}
