/**
 * The GraphQL explorer's page: GraphiQL against our own endpoint with the caller's session. Built into one file of our own, so nothing is
 * loaded from elsewhere and no inline script is needed.
 */
import 'graphiql/style.css';
import { GraphiQL, type GraphiQLProps } from 'graphiql';
import { type ExecutionResult, getOperationAST } from 'graphql';
import { createClient } from 'graphql-sse';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const firstDocument = `# Ctrl+Enter runs it. The documentation of every field is behind the book on the left.
{
  clusterTopology {
    sentence
    groups { name primary epoch writable }
    nodes { id role status lag_bytes }
  }
}
`;

const stream = createClient({ url: '/graphql/stream' });

const fetcher: GraphiQLProps['fetcher'] = ({ query, variables, operationName }, options) => {
  const operation = options?.documentAST && getOperationAST(options.documentAST, operationName ?? undefined);
  if (operation?.operation === 'subscription') {
    return stream.iterate({
      query,
      variables: variables as Record<string, unknown> | undefined,
      operationName: operationName ?? undefined,
    });
  }
  return ask({ query, variables, operationName }, options?.headers);
};

async function ask(params: unknown, headers: Record<string, unknown> | undefined): Promise<ExecutionResult> {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { ...(headers as Record<string, string> | undefined), 'Content-Type': 'application/json' },
    body: JSON.stringify(params),
  });
  return response.json();
}

createRoot(document.getElementById('explorer')!).render(
  <StrictMode>
    <GraphiQL fetcher={fetcher} defaultQuery={firstDocument} />
  </StrictMode>,
);
