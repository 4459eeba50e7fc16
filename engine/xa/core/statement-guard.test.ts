import { describe, expect, it } from 'vitest';
import { refusedStatement } from './statement-guard';

const refused = [
  'COMMIT',
  'commit work',
  'cOmMiT',
  ' \t\r\n\f\v\u00a0\u3000\ufeffCOMMIT',
  'BEGIN',
  'START TRANSACTION',
  'END',
  'ABORT',
  'ROLLBACK',
  'ROLLBACK WORK',
  'ROLLBACK AND CHAIN TO',
  'ROLLBACK -- TO a',
  'ROLLBACK /* TO a */',
  'ROLLBACK PREPARED x',
  "PREPARE TRANSACTION 'x'",
  "COMMIT PREPARED 'x'",
  'PREPARE p AS SELECT 1',
  ';;COMMIT',
  '; ( COMMIT )',
  '/* a /* b */ c */ COMMIT',
  '-- a\nCOMMIT',
  '/**/COMMIT',
  '/***/COMMIT',
  "XA END 'x'",
  "xa\ncommit 'x' one phase",
  '# a\nCOMMIT',
  'COPY account TO STDOUT',
  '',
  ' ; ',
  '-- only a comment',
  '/* never closed',
];

/** Each of these read as harmless once. */
const disguised = {
  'PostgreSQL ends a line comment at a carriage return': '-- \rCOMMIT /*\nSELECT */',
  'MariaDB does not': "-- \rSELECT 1 /*\nXA END 'x' -- */",
  'comments of MariaDB do not nest': "/* /* */ XA END 'x' /* */ -- */ SELECT 1",
  'a slash after the opening star closes nothing': '/*/ SELECT 1 */ COMMIT',
  'MariaDB executes it': '/*! COMMIT */',
  'by version, behind a line comment inside': "/*!50000 XA END 'x' # */ SELECT 1\n*/",
  'of MariaDB only': "/*M! XA END 'x' # */ SELECT 1\n*/",
  'a statement in a string': "EXECUTE IMMEDIATE 'XA END ''x'''",
  'a statement behind a setting': "SET STATEMENT max_statement_time = 1 FOR XA END 'x'",
  'a compound statement': "IF 1 THEN XA END 'x'; END IF",
  'a loop': "WHILE 1 DO XA END 'x'; END WHILE",
};

const allowed = [
  'SELECT 1',
  'select * from commit_log',
  "INSERT INTO note VALUES ('COMMIT')",
  'WITH moved AS (DELETE FROM account RETURNING *) SELECT count(*) FROM moved',
  '(SELECT 1) UNION (SELECT 2)',
  'SAVEPOINT a',
  'ROLLBACK TO a',
  'ROLLBACK TO SAVEPOINT a',
  'rollback work /* back */ to a',
  'ROLLBACK TRANSACTION TO SAVEPOINT a',
  'RELEASE a',
  'SET LOCAL statement_timeout = 5',
  'SET statement_timeout = 5',
  '/* COMMIT */ SELECT 1',
  '-- COMMIT\nSELECT 1',
  'DO $$ BEGIN PERFORM 1; END $$',
  'SELECT /*! STRAIGHT_JOIN */ 1',
];

describe('statements of callers', () => {
  it.each(refused)('refuses %j', (statement) => expect(refusedStatement(statement, 'mariadb')).not.toBeNull());
  it.each(Object.entries(disguised))('refuses a disguise: %s', (_, statement) => {
    expect(refusedStatement(statement, 'mariadb')).not.toBeNull();
  });
  it.each(allowed)('lets %j pass', (statement) => expect(refusedStatement(statement, 'mariadb')).toBeNull());
});

it('lets procedures be called on PostgreSQL, where they cannot end the transaction they are called in', () => {
  expect(refusedStatement('CALL pay(1)', 'postgresql')).toBeNull();
  expect(refusedStatement('CALL pay(1)', 'mariadb')).toMatch(/CALL/);
});
