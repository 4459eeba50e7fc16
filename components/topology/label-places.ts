/**
 * Where the links' labels stand: on their own line where there is room, else a little beside it. Pure and deterministic. Invariant: no label overlaps a
 * card, the head of a frame or another label; what finds no room gets no label (its numbers are in the node's panel). Worked out once for a set of
 * links, never for a tick or a frame.
 */
import type { Line } from './link-style';
import type { Rect } from './model';

export type LabelSize = { readonly width: number; readonly height: number };
export type LabelPlace = { readonly x: number; readonly y: number };
export type Labelled = {
  readonly id: string;
  /** Its lines, the preferred one first: of a pair both directions may carry it. */
  readonly lines: readonly Line[];
  readonly size: LabelSize;
};

/** Between two labels, and between a label and a card. */
const air = 3;
/** From the middle outwards. */
const along = [0.5, 0.44, 0.56, 0.38, 0.62, 0.31, 0.69, 0.24, 0.76, 0.17, 0.83, 0.11, 0.89] as const;
/** Away from the line, in half labels; the line is tried along its whole length before the next. */
const beside = [0, 1, -1, 2, -2, 3, -3] as const;

export function placeLabels(labels: readonly Labelled[], obstacles: readonly Rect[]): ReadonlyMap<string, LabelPlace> {
  const taken: Rect[] = [...obstacles];
  const places = new Map<string, LabelPlace>();
  for (const label of labels) {
    const place = freePlace(label, taken);
    if (place === null) continue;
    places.set(label.id, place);
    taken.push(boxAt(place, label.size));
  }
  return places;
}

function freePlace({ lines, size }: Labelled, taken: readonly Rect[]): LabelPlace | null {
  for (const offset of beside) {
    for (const at of along) {
      for (const line of lines) {
        const place = pointOn(line, at, offset, size);
        if (!taken.some((other) => overlaps(boxAt(place, size), other))) return place;
      }
    }
  }
  return null;
}

export function boxAt({ x, y }: LabelPlace, { width, height }: LabelSize): Rect {
  return { x: x - width / 2, y: y - height / 2, width, height };
}

function overlaps(a: Rect, b: Rect): boolean {
  return (
    a.x < b.x + b.width + air && b.x < a.x + a.width + air && a.y < b.y + b.height + air && b.y < a.y + a.height + air
  );
}

/** A point of the quadratic curve, moved sideways by so many halves of the label. */
function pointOn({ start, middle, end }: Line, t: number, halves: number, size: LabelSize): LabelPlace {
  const u = 1 - t;
  const length = Math.hypot(end.x - start.x, end.y - start.y) || 1;
  const normal = { x: -(end.y - start.y) / length, y: (end.x - start.x) / length };
  const sideways = halves * ((Math.abs(normal.x) * size.width + Math.abs(normal.y) * size.height) / 2 + air);
  return {
    x: u * u * start.x + 2 * u * t * middle.x + t * t * end.x + normal.x * sideways,
    y: u * u * start.y + 2 * u * t * middle.y + t * t * end.y + normal.y * sideways,
  };
}
