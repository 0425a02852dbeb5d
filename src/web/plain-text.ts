/** They turn the direction of what follows, and make a text look like another one. */
const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

/**
 * The text without what could make it show other than it is. Letters that are written from right to
 * left need no controls for that; each text stands isolated from those around it.
 */
export function plainText(text: string): string {
  return text.replace(DIRECTION_CONTROLS, "");
}
