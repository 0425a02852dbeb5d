const MARKER = 0xff;
const START_OF_SCAN = Buffer.from([MARKER, 0xda]);

/**
 * How many scans a JPEG may have, counted as the file comes: each is a pass over the whole picture,
 * and takes but a few bytes. In what is compressed the marker does not occur; what else is in the file
 * may look like one, and counts too.
 */
export class JpegScans {
  count = 0;
  #endsInMarker = false;

  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#endsInMarker && chunk[0] === START_OF_SCAN[1]) this.count += 1;
    this.#endsInMarker = chunk.at(-1) === MARKER;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = bytes.indexOf(START_OF_SCAN); at !== -1; ) {
      this.count += 1;
      at = bytes.indexOf(START_OF_SCAN, at + START_OF_SCAN.length);
    }
  }
}
