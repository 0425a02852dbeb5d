/** All settings: one zod schema -> flags, environment, file, --help and docs/configuration.md. */
export type { AuthenticationMethod } from "./config/authentication.ts";
export { authenticationOrder } from "./config/authentication-order.ts";
export { backplaneAddress } from "./config/backplane-address.ts";
export { describeSettings, fileSetting, type SettingDescription } from "./config/describe.ts";
export type { EventWebhookSubject } from "./config/event-webhook.ts";
export type { ReadFile } from "./config/file.ts";
export {
  isSecretAlgorithm,
  type JwtAlgorithm,
  jwtAlgorithms,
  jwtSecret,
  type PublicKeyAlgorithm,
  type SecretAlgorithm,
} from "./config/jwt.ts";
export {
  type Environment,
  type LoadedSettings,
  loadSettings,
} from "./config/load.ts";
export { suggestion } from "./config/nearest.ts";
export { ConfigurationError } from "./config/problem.ts";
export type { Settings } from "./config/schema.ts";
export { checkStartAllowed, exposedHost, isLoopbackHost, startWarnings } from "./config/start.ts";
export { isSecureUrl } from "./config/vendor-url.ts";
