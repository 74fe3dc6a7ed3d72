import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { Type } from 'typebox';
import type { AdminFailure } from '../../api/admin/operations.ts';
import type { RouteFacts } from './route.ts';
import { schemaOf, TEXT } from './schema-parts.ts';

const FAILURE = schemaOf<AdminFailure>()(
  Type.Object({ error: Type.Object({ code: TEXT, text: TEXT, remedy: TEXT }) }, { description: 'Refused, and why' }),
);

/** What the document says about the API as a whole. */
export function apiFacts(release: string): NonNullable<FastifyDynamicSwaggerOptions['openapi']> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'GSCIP server',
      version: release,
      description:
        'Administration of a network. Over TLS with an API key as bearer token; over the local socket of the server without one.',
    },
    components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    security: [{ apiKey: [] }],
  };
}

/** The row of a route in the document; the answers are also written by its schema, so that nothing else gets out. */
export function documented(route: RouteFacts): FastifySchema {
  const { id, summary, roles, params, query, body, answer } = route;
  return {
    operationId: id,
    summary,
    description: `For: ${roles.join(', ')}.`,
    tags: [route.path.split('/')[1]],
    ...(hasFields(params) && { params }),
    ...(hasFields(query) && { querystring: query }),
    ...(hasFields(body) && { body }),
    response: { 200: { description: 'Done', ...answer }, '4xx': FAILURE, '5xx': FAILURE },
  };
}

function hasFields(schema: object): boolean {
  return 'properties' in schema && Object.keys(schema.properties ?? {}).length > 0;
}
