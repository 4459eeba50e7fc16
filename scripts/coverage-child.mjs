// Loaded with --import into every Node process of a test run; measures those that run a bundle out of dist/ and writes, as they exit, which parts of
// it ran. NODE_V8_COVERAGE would do it for every process (npm, Next's own files, the tests' runners), and count, which is slower than noting.
// A process that is killed or that gets another environment (the guardian's) leaves nothing: what only those run counts as not covered.
import { realpathSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const script = process.argv[1] ? realpathSync(process.argv[1]) : '';
if (script.startsWith(dist)) measure(pathToFileURL(script).href);

function measure(url) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  process.once('exit', () => {
    // Inside the same thread the answer comes before post() returns.
    session.post('Profiler.takePreciseCoverage', (error, answer) => {
      const own = error ? [] : answer.result.filter((one) => one.url === url);
      const file = join(new URL(import.meta.url).searchParams.get('into'), `${process.pid}-${Date.now()}.json`);
      if (own.length > 0) writeFileSync(file, JSON.stringify({ result: own }));
    });
  });
}
