export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What `y` grows by with one more of `x`, by least squares. Throws with fewer than two places of `x`. */
export function slopeOf(points: readonly Point[]): number {
  const middle = (of: (point: Point) => number) =>
    points.reduce((all, point) => all + of(point), 0) / points.length;
  const [x, y] = [middle((point) => point.x), middle((point) => point.y)];
  const spread = middle((point) => (point.x - x) ** 2);
  if (!(spread > 0)) throw new RangeError("A slope needs two places");
  return middle((point) => (point.x - x) * (point.y - y)) / spread;
}
