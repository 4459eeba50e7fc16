/**
 * fast-check as our tests use it: the same cases on every run, so that a change that breaks nothing fails nothing. FC_SEED draws others
 * (`FC_SEED=$RANDOM npm run check`); what such a hunt finds becomes an example in the test.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) });

export { fc };
