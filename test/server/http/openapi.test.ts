import { Compile } from 'typebox/schema';
import { describe, expect, it } from 'vitest';
import { ROUTES } from '../../../src/server/http/route-table.ts';
import { makeGround } from './ground.ts';

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((inner, name) => (isObject(inner) ? inner[name] : undefined), value);
}

/** Every schema in the document: what stands under "schema". */
function schemasIn(value: unknown): readonly Json[] {
  if (Array.isArray(value)) return value.flatMap(schemasIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === 'schema' && isObject(inner) ? [inner] : schemasIn(inner),
  );
}

const KEYWORDS = new Set(
  'type properties required additionalProperties patternProperties items enum const anyOf minimum maximum minLength maxLength minItems maxItems description'.split(
    ' ',
  ),
);

/** Keywords that are not of JSON schema, in a schema and those inside it. */
function foreignKeywords(schema: unknown): readonly string[] {
  if (!isObject(schema)) return typeof schema === 'boolean' ? [] : ['no schema'];
  const named = [schema['properties'], schema['patternProperties']].flatMap((each) =>
    isObject(each) ? Object.values(each) : [],
  );
  const listed = Array.isArray(schema['anyOf']) ? schema['anyOf'] : [];
  const single = [schema['items'], schema['additionalProperties']].filter((each) => each !== undefined);
  const inner = [...named, ...listed, ...single].flatMap(foreignKeywords);
  return [...Object.keys(schema).filter((name) => !KEYWORDS.has(name)), ...inner];
}

describe('the OpenAPI document', async () => {
  const { app } = await makeGround();
  const document: unknown = (await app.inject({ url: '/api/1/openapi.json' })).json();

  it('is one of version 3.1, for strangers to read too', () => {
    expect(at(document, 'openapi')).toBe('3.1.0');
    expect(at(document, 'info')).toMatchObject({ title: 'GSCIP server', version: '1.2.3' });
  });

  it.each(ROUTES.map((route) => [route.id, route] as const))('has %s', (id, route) => {
    const path = `/api/1${route.path.replace(/:(\w+)/g, '{$1}')}`;
    const operation = at(document, 'paths', path, route.method.toLowerCase());
    expect(operation).toMatchObject({ operationId: id, summary: route.summary });
    const answer = at(operation, 'responses', '200', 'content', 'application/json', 'schema', 'type');
    expect(answer).toBe('object');
    const parameters = at(operation, 'parameters') ?? [];
    const named = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({ in: 'path', name, required: true }));
    expect(parameters).toEqual(expect.arrayContaining(named.map((each) => expect.objectContaining(each))));
  });

  it('has nothing else, and every operation once', () => {
    const paths = at(document, 'paths');
    const operations = Object.values(isObject(paths) ? paths : {}).flatMap((each) =>
      Object.values(isObject(each) ? each : {}),
    );
    expect(operations.map((each) => at(each, 'operationId')).sort()).toEqual(ROUTES.map(({ id }) => id).sort());
  });

  it('has only schemas that a validator of JSON schema takes', () => {
    const schemas = schemasIn(document);
    expect(schemas.length).toBeGreaterThan(ROUTES.length);
    expect(schemas.flatMap(foreignKeywords)).toEqual([]);
    for (const schema of schemas) expect(() => Compile(schema)).not.toThrow();
  });
});
