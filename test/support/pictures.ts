/** A picture of that size, in JPEG. */
export async function jpeg(width: number, height: number): Promise<Buffer> {
  return await new Bun.Image(bitmap(width, height)).jpeg({ quality: 90 }).buffer();
}

/** The same in PNG. */
export async function png(width: number, height: number): Promise<Buffer> {
  return await new Bun.Image(bitmap(width, height)).png().buffer();
}

/** The same picture as a camera that was held on its side writes it, with where it was taken. */
export function turned(picture: Buffer, place: string): Buffer {
  const tiff = Buffer.alloc(26 + place.length);
  tiff.write("MM");
  tiff.writeUInt16BE(42, 2);
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(1, 8); // One entry: Orientation, a short, 6.
  tiff.writeUInt16BE(0x0112, 10);
  tiff.writeUInt16BE(3, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(6, 18);
  tiff.write(place, 26);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(2 + 6 + tiff.length, 2);
  const exif = Buffer.concat([head, Buffer.from("Exif\0\0"), tiff]);
  return Buffer.concat([picture.subarray(0, 2), exif, picture.subarray(2)]);
}

/** A PNG of some bytes that says it has so many pixels. */
export async function bomb(width: number, height: number): Promise<Buffer> {
  const picture = await png(1, 1);
  picture.writeUInt32BE(width, 16);
  picture.writeUInt32BE(height, 20);
  picture.writeUInt32BE(Bun.hash.crc32(picture.subarray(12, 29)), 29);
  return picture;
}

/**
 * A square grey picture, in progressive JPEG of so many scans: all but the first say, in a few bytes,
 * that nothing changes.
 */
export function scansOf(side: number, scans: number): Buffer {
  const segment = (marker: number, ...body: number[]) =>
    Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body]);
  const size = [side >> 8, side & 255];
  const blocks = Math.ceil(side / 8) ** 2;
  const none = (count: number): number[] => Array(count).fill(0);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, 0, ...Array<number>(64).fill(1)),
    segment(0xc2, 8, ...size, ...size, 1, 1, 0x11, 0),
    // Of the first coefficients: 0 is "no difference". Of the others: 0 is "the block ends here".
    segment(0xc4, 0x00, 1, ...none(15), 0),
    segment(0xc4, 0x10, 1, ...none(15), 0),
    ...Array.from({ length: scans }, (_, scan) =>
      Buffer.concat([
        scan === 0 ? segment(0xda, 1, 1, 0, 0, 0, 0) : segment(0xda, 1, 1, 0, 1, 63, 0),
        Buffer.alloc(Math.ceil(blocks / 8)),
      ]),
    ),
    Buffer.from([0xff, 0xd9]),
  ]);
}

function bitmap(width: number, height: number): Buffer {
  const row = Math.ceil((3 * width) / 4) * 4;
  const bytes = Buffer.alloc(54 + row * height);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < 3 * width; x += 1) bytes[54 + y * row + x] = (x * y) & 255;
  }
  return bytes;
}
