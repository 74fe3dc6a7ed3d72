import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { GscipError } from '../../base/errors.ts';
import { type Draft, type View, viewOf } from '../network/draft.ts';
import type { Role } from '../network/state.ts';
import type { Tools } from '../network/tools.ts';
import { actorOf, type Caller, permit, type Scope, wishFor } from './caller.ts';
import type { Desk } from './desk.ts';
import { jsonObject } from './json-value.ts';

export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
type Read<S extends TSchema> = DeepReadonly<Static<S>>;
export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What a route is, without what it does: the documents and the tests read this. */
export interface RouteFacts {
  readonly method: Method;
  /** below /api/1, with parameters as ":name" */
  readonly path: string;
  /** names the operation, also in the audit log */
  readonly id: string;
  readonly summary: string;
  readonly roles: readonly Role[];
  readonly params: TSchema;
  readonly query: TSchema;
  readonly body: TSchema;
  readonly answer: TSchema;
}

/** A request whose parts have the form that the route asks for. */
export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly caller: Caller;
  readonly desk: Desk;
  readonly view: View;
  /**
   * Runs a command in one transaction, if the role allows it; the audit log has an entry either way. `scope`: what a
   * group administrator must own; without it the route is not for one.
   */
  readonly act: <T>(command: (tools: Tools, draft: Draft) => T, scope?: Scope) => Promise<T>;
}

interface RouteSpec<P extends TSchema, Q extends TSchema, B extends TSchema, A extends TSchema> extends RouteFacts {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly answer: A;
  readonly handle: (asked: Asked<Static<P>, Static<Q>, Static<B>>) => Read<A> | Promise<Read<A>>;
}

/** A request as it came. */
export interface Received {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** One row of the table of routes. */
export interface Route extends RouteFacts {
  readonly run: (desk: Desk, caller: Caller, received: Received) => Promise<unknown>;
}

/** For the parts of a request that a route does not look at. */
export const UNUSED = { params: Type.Object({}), query: Type.Object({}), body: Type.Object({}) } as const;

/** Makes a row of the table: what comes is checked against its schemas before `handle` sees it. */
export function route<P extends TSchema, Q extends TSchema, B extends TSchema, A extends TSchema>(
  spec: RouteSpec<P, Q, B, A>,
): Route {
  const { handle, ...facts } = spec;
  const parse = {
    params: parser('path', spec.params),
    query: parser('query', spec.query),
    body: parser('body', spec.body),
  };
  return {
    ...facts,
    run: async (desk, caller, received) => {
      const [params, query, body] = [
        parse.params(received.params),
        parse.query(received.query),
        parse.body(received.body),
      ];
      const view = viewOf(desk.store.state);
      // a change is permitted inside its transaction, where its refusal is written down too
      if (spec.method === 'GET') permit(view, caller, spec.roles, { to: 'read' });
      const act = <T>(command: (tools: Tools, draft: Draft) => T, scope: Scope = () => []): Promise<T> => {
        const permitted = (draft: Draft): T => {
          permit(draft, caller, spec.roles, wishFor(scope(draft)));
          return command(desk.tools(), draft);
        };
        return desk.store.run(actorOf(caller), spec.id, permitted, jsonObject({ ...params, ...body }));
      };
      return handle({ params, query, body, caller, desk, view, act });
    },
  };
}

/** A function that gives a value back as what the schema says, or refuses it without repeating what was in it. */
function parser<S extends TSchema>(part: string, schema: S): (value: unknown) => Static<S> {
  const validator = Compile(schema);
  return (value) => {
    const given = part === 'body' ? (value ?? {}) : validator.Convert(value ?? {});
    if (isValid<S>(validator, given)) return given;
    const [first] = validator.Errors(given).filter(({ keyword }) => keyword !== 'boolean');
    const where = first === undefined ? '' : first.instancePath.replaceAll('/', '.').slice(1);
    throw new GscipError(
      'bad-request',
      `the ${part}${where === '' ? '' : `'s "${where}"`} is not valid: ${first?.message ?? 'it has another form'}`,
      'The form of every request is in /api/1/openapi.json.',
    );
  };
}

function isValid<S extends TSchema>(validator: { Check(value: unknown): boolean }, value: unknown): value is Static<S> {
  return validator.Check(value);
}
