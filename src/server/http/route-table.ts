import { OPERATION_ROUTES } from './operation-routes.ts';
import type { Route } from './route.ts';

/** Every request that the REST API knows. */
export const ROUTES: readonly Route[] = [...OPERATION_ROUTES];
