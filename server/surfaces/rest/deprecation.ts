/**
 * Headers of an older name of a call: since when it is deprecated (RFC 9745), until when it is served at least (RFC 8594), and what to use
 * instead. The policy is docs/api-versioning.md.
 */
import { apiPrefix, type Route } from './routes';

/** Older names are deprecated from the first release that had the new one. */
const deprecatedSince = new Date('2026-11-01T00:00:00Z');
/** Not removed before; a later date may be set, never an earlier one. */
const servedUntil = new Date('2028-11-01T00:00:00Z');

export function deprecationHeaders(
  route: Route,
  params: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> | null {
  if (!route.deprecated) return null;
  const successor = (route.definition.rest?.path ?? '').replaceAll(/\{(\w+)\}/g, (_whole, key: string) =>
    encodeURIComponent(params[key] ?? ''),
  );
  return {
    Deprecation: `@${deprecatedSince.getTime() / 1000}`,
    Sunset: servedUntil.toUTCString(),
    Link: `<${apiPrefix}${successor}>; rel="successor-version"`,
  };
}
