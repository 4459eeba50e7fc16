/** Real REST answers against the OpenAPI document, with a JSON Schema validator that shares no code with what made the document. */
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { Wire } from './console-fixture';

const json = ['content', 'application/json', 'schema'];

export class ResponseValidator {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(private readonly document: Wire) {
    addFormats(this.#ajv);
    this.#ajv.addSchema(document, 'api');
  }

  /** What is wrong with an answer; empty when nothing is. */
  check(path: string, method: string, status: number, body: unknown): string[] {
    const responses = this.document.paths[path]?.[method.toLowerCase()]?.responses;
    const response = responses?.[String(status)];
    if (!response) return [`${method} ${path}: ${status} is not documented`];
    if (!response.content) return body === undefined ? [] : [`${method} ${path}: ${status} is documented without body`];
    return this.#against(fragment(['paths', path, method.toLowerCase(), 'responses', `${status}`, ...json]), body);
  }

  /** An input as the document describes it: each key in the path, the query or the body, and of its type. */
  checkRequest(path: string, method: string, input: unknown): string[] {
    const operation = this.document.paths[path]?.[method.toLowerCase()];
    const parameters: Wire[] = operation?.parameters ?? [];
    const content = operation?.requestBody?.content['application/json'];
    const at = ['paths', path, method.toLowerCase()];
    const rest: Record<string, unknown> = {};
    const wrong: string[] = [];
    for (const [key, value] of Object.entries(input as object)) {
      const index = parameters.findIndex((one) => one.name === key && one.in !== 'header');
      if (index < 0) rest[key] = value;
      else wrong.push(...this.#against(fragment([...at, 'parameters', `${index}`, 'schema']), value));
    }
    if (content) return [...wrong, ...this.#against(fragment([...at, 'requestBody', ...json]), rest)];
    return [...wrong, ...Object.keys(rest).map((key) => `${method} ${path}: ${key} is not documented`)];
  }

  /** One item of a stream. */
  checkItem(path: string, item: unknown): string[] {
    return this.#against(
      fragment(['paths', path, 'get', 'responses', '200', 'content', 'text/event-stream', 'x-item']),
      item,
    );
  }

  #against(reference: string, value: unknown): string[] {
    const validate = this.#ajv.getSchema(`api#${reference}`);
    if (!validate) return [`no schema at ${reference}`];
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${reference}${error.instancePath}: ${error.message}`);
  }
}

/** A JSON pointer as a fragment of an address. */
function fragment(parts: readonly string[]): string {
  return `/${parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
}
