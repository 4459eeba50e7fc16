// dependency-cruiser with a guard: with an unsupported TypeScript it reports "0 modules" and passes, which must count as a failure.
import { cruise } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';

const options = await extractDepcruiseOptions('./.dependency-cruiser.cjs');
const { output } = await cruise(
  ['app', 'components', 'server', 'cli', 'engine'],
  options,
  {},
  { tsConfig: extractTSConfig('./tsconfig.json') },
);
const { violations, totalCruised } = output.summary;
for (const violation of violations)
  console.log(`${violation.rule.severity} ${violation.rule.name}: ${violation.from} → ${violation.to}`);
console.log(`${totalCruised} modules, ${violations.length} violations`);
process.exit(violations.length === 0 && totalCruised > 50 ? 0 : 1);
