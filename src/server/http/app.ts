import type { IncomingMessage } from 'node:http';
import swagger from '@fastify/swagger';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { ADMIN_API } from '../../api/admin/operations.ts';
import type { Millis } from '../../base/brands.ts';
import { GscipError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { METRICS_TYPE } from '../../http/metrics-door.ts';
import { sourceOf } from '../../http/source.ts';
import { administratorOf } from '../network/commands/administrators.ts';
import { viewOf } from '../network/draft.ts';
import { ROLES } from '../network/state.ts';
import { type Caller, permit } from './caller.ts';
import type { Desk } from './desk.ts';
import type { FailedLogins } from './failed-logins.ts';
import { failureOf } from './failure.ts';
import type { ServerMetrics } from './metrics.ts';
import { apiFacts, documented } from './openapi.ts';
import type { Route } from './route.ts';
import { ROUTES } from './route-table.ts';

/** Longest body, in bytes: the largest request is a list of names. */
const MAX_BODY = 65_536;
/** Longest parameter in a path: a name of 63 letters, each written as up to 12 characters. */
const MAX_PARAM = 1_024;

export interface AppParts {
  readonly desk: Desk;
  readonly metrics: ServerMetrics;
  readonly log: Logger;
  readonly logins: FailedLogins;
  readonly now: () => Millis;
  /** whether a request came over the local socket, whose owner needs no key */
  readonly isLocal: (request: IncomingMessage) => boolean;
}

/** The REST API, health and metrics as a function of requests: it listens nowhere itself. */
export async function makeApp(parts: AppParts): Promise<FastifyInstance> {
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: MAX_BODY,
    exposeHeadRoutes: false,
    frameworkErrors: (error, _request, reply) => {
      const { status, body } = failureOf(error);
      reply.hijack().raw.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    },
    routerOptions: { maxParamLength: MAX_PARAM, ignoreTrailingSlash: true },
  });
  // the table of routes checks requests itself, which makes them typed too
  app.setValidatorCompiler(() => () => true);
  await app.register(swagger, { openapi: apiFacts(parts.desk.facts().release) });
  app.setErrorHandler((error, request, reply) => {
    const { status, body, isFault } = failureOf(error);
    if (isFault) logFault(parts.log, request, error);
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((_request, reply) => {
    const { status, body } = failureOf(
      new GscipError('unknown-route', 'there is no such request', 'All of them are in /api/1/openapi.json.'),
    );
    return reply.code(status).send(body);
  });
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request;
    parts.metrics.handleRequest(method, routeOptions.url ?? 'none', reply.statusCode, reply.elapsedTime / 1000);
  });
  for (const route of ROUTES) define(app, route, parts);
  defineOpen(app, parts);
  await app.ready();
  return app;
}

function define(app: FastifyInstance, route: Route, parts: AppParts): void {
  app.route({
    method: route.method,
    url: `${ADMIN_API}${route.path}`,
    schema: documented(route),
    // before the body is read, so that a stranger cannot make us read one
    onRequest: async (request) => void callers.set(request, callerOf(request, parts)),
    handler: (request) => {
      const { params, query, body } = request;
      return route.run(parts.desk, callers.get(request) ?? callerOf(request, parts), { params, query, body });
    },
  });
}

/** What needs no API key, and metrics, which need any. */
function defineOpen(app: FastifyInstance, parts: AppParts): void {
  const { desk, metrics } = parts;
  const hide = { schema: { hide: true } };
  app.get('/healthz', hide, async (_request, reply) => {
    const trouble = desk.store.trouble();
    return reply.code(trouble === undefined ? 200 : 503).send({ ok: trouble === undefined });
  });
  app.get(`${ADMIN_API}/openapi.json`, hide, async () => app.swagger());
  app.get('/metrics', hide, async (request, reply) => {
    permit(viewOf(desk.store.state), callerOf(request, parts), ROLES, { to: 'read' });
    return reply.type(METRICS_TYPE).send(await metrics.text());
  });
}

const callers = new WeakMap<FastifyRequest, Caller>();

function callerOf(request: FastifyRequest, { desk, logins, log, now, isLocal, metrics }: AppParts): Caller {
  if (isLocal(request.raw)) return { kind: 'local' };
  const source = sourceOf(request.raw.socket.remoteAddress);
  const wait = logins.waitOf(source, now());
  if (wait > 0)
    throw new GscipError(
      'too-many-failures',
      'too many wrong API keys came from this address',
      `Wait ${Math.ceil(wait / 1000)} s.`,
    );
  const [, key] = /^bearer ([\x21-\x7e]{1,256})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (key === undefined)
    throw new GscipError('no-api-key', 'this needs an API key', 'Send it as: Authorization: Bearer KEY');
  const administrator = administratorOf(desk.tools().provider, viewOf(desk.store.state), key);
  if (administrator !== undefined) return { kind: 'administrator', name: administrator.name };
  logins.handleFailure(source, now());
  metrics.handleFailedLogin();
  log.log('warn', 'login-failed', { source });
  throw new GscipError('bad-api-key', 'this API key is not known', 'gscip admin administrator add NAME makes one.');
}

function logFault(log: Logger, request: FastifyRequest, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.log('error', 'request-failed', { method: request.method, route: request.routeOptions.url ?? 'none', text });
}
