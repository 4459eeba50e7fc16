/**
 * What a viewer is told of other people's statements: what kind they are. Their texts hold literals, among them passwords and personal data. Only
 * known words are shown, since a mistyped statement may begin with anything.
 */
const commands = new Set(
  `abort alter analyze begin call checkpoint close cluster comment commit copy create deallocate declare delete discard do drop end execute
  explain fetch grant import insert listen load lock merge move notify prepare reassign refresh reindex release reset revoke rollback savepoint security
  select set show start table truncate unlisten update vacuum values with`.split(/\s+/),
);

export function statementKind(statement: string | null): string | null {
  if (statement === null || statement === '') return statement;
  const [word] = /[a-z]+/i.exec(statement) ?? [];
  return word !== undefined && commands.has(word.toLowerCase()) ? `${word.toUpperCase()} …` : '…';
}
