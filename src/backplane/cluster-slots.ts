/** What a Redis Cluster divides keys and sharded channels into. */
export const SLOTS = 16_384;

/** [https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model] */
export function slotOf(name: string): number {
  const open = name.indexOf("{");
  const close = open < 0 ? -1 : name.indexOf("}", open + 1);
  const hashed = close > open + 1 ? name.slice(open + 1, close) : name;
  let crc = 0;
  for (const octet of Buffer.from(hashed)) {
    crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ octet) & 0xff] ?? 0)) & 0xffff;
  }
  return crc % SLOTS;
}

/** CRC-16/XMODEM. */
const TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let crc = octet << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

/** Slots that one master serves. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly host: string;
  readonly port: number;
}

/**
 * What CLUSTER SLOTS answers. Throws for what is no such answer.
 *
 * @param asked the host that was asked: a server that does not know its own address leaves it out
 */
export function readSlots(answer: unknown, asked: string): SlotRange[] {
  if (!Array.isArray(answer)) throw new TypeError("no answer to CLUSTER SLOTS");
  return answer.map((range) => {
    const [from, to, master] = range;
    const [host, port] = master;
    return {
      from: Number(from),
      to: Number(to),
      host: host ? String(host) : asked,
      port: Number(port),
    };
  });
}
