/** `npm run coverage:api [-- --missing]`: how much of RustyDB's API is there, by area. Exits 1 when a name is there with another type or role. */
import { buildGraphqlSchema } from '../graphql/schema';
import { routes } from '../rest/routes';
import { measureCoverage, type Share } from './coverage';

const { rest, graphql, wrong } = measureCoverage(routes, buildGraphqlSchema());
print('REST', rest);
print('GraphQL', graphql);
for (const line of wrong) console.log(`differs: ${line}`);
process.exit(wrong.length === 0 ? 0 : 1);

function print(title: string, shares: readonly Share[]): void {
  const count = (of: (share: Share) => number) => shares.reduce((sum, share) => sum + of(share), 0);
  const present = count((share) => share.present.length);
  console.log(`${title}: ${present} of ${present + count((share) => share.missing.length)}`);
  for (const { area, present: there, missing } of shares) {
    console.log(`  ${area.padEnd(18)} ${String(there.length).padStart(3)} of ${there.length + missing.length}`);
    if (process.argv.includes('--missing')) for (const name of missing) console.log(`      - ${name}`);
  }
}
