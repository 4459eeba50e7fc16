// From measurements to a verdict, without touching a file: which lines ran in any of the measured processes, how many that is for each area and
// directory, and whether it is enough. Invariant: the tests' own process says what a line is; a child can only mark such a line as run.
import istanbul from 'istanbul-lib-coverage';

/** `{file: {line: times}}` out of one coverage map of istanbul. */
export function linesOf(coverageMap) {
  const map = istanbul.createCoverageMap(coverageMap);
  return Object.fromEntries(map.files().map((file) => [file, map.fileCoverageFor(file).getLineCoverage()]));
}

/** Lines of `base`, run when they ran in `base` or in any of `others`. */
export function mergeLines(base, others) {
  return Object.fromEntries(
    Object.entries(base).map(([file, lines]) => [
      file,
      Object.fromEntries(
        Object.entries(lines).map(([line, times]) => [
          line,
          times > 0 || others.some((other) => (other[file]?.[line] ?? 0) > 0) ? 1 : 0,
        ]),
      ),
    ]),
  );
}

/** Sums by area (`engine`) and by directory in it (`engine/router`; files of the area itself: `engine/*`). */
export function sumLines(lines, root) {
  /** @type {Record<string, {ran: number, all: number, directories: Record<string, {ran: number, all: number}>}>} */
  const areas = {};
  for (const [file, ofFile] of Object.entries(lines)) {
    const parts = file.slice(root.length + 1).split('/');
    const directory = `${parts[0]}/${parts.length > 2 ? parts[1] : '*'}`;
    const counts = Object.values(ofFile);
    const ran = counts.filter((times) => times > 0).length;
    areas[parts[0]] ??= { ran: 0, all: 0, directories: {} };
    const area = areas[parts[0]];
    area.directories[directory] ??= { ran: 0, all: 0 };
    for (const sum of [area, area.directories[directory]]) {
      sum.ran += ran;
      sum.all += counts.length;
    }
  }
  return areas;
}

/** What to print, and which areas have too little. An area that was not measured at all has too little. */
export function judge(areas, leastLines) {
  const text = [];
  for (const area of Object.keys(leastLines))
    for (const [directory, sum] of Object.entries(areas[area]?.directories ?? {}).sort())
      if (sum.all > 0) text.push(`  ${directory.padEnd(24)}${percent(sum).padStart(6)} % of ${sum.all} lines`);
  const shares = Object.keys(leastLines).map((area) => `${area} ${percent(areas[area])} % lines`);
  const tooLittle = Object.keys(leastLines).filter((area) => share(areas[area]) < leastLines[area]);
  text.push(`coverage: ${shares.join(', ')}`);
  for (const area of tooLittle) text.push(`coverage of ${area} is below ${leastLines[area]} % lines`);
  return { text: text.join('\n'), tooLittle };
}

function share(sum) {
  return sum === undefined || sum.all === 0 ? 0 : (100 * sum.ran) / sum.all;
}

/** Rounded down: 79.96 is not 80. */
function percent(sum) {
  return (Math.floor(share(sum) * 10) / 10).toFixed(1);
}
