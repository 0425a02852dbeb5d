/** Of the system or of TLS, such as ECONNREFUSED; of a fault that has no code, what kind it is. */
export function codeOf(fault: unknown): string {
  if (!(fault instanceof Error)) return "unknown fault";
  return "code" in fault && typeof fault.code === "string" ? fault.code : fault.name;
}
