import { ACCOUNT_ROUTES } from './account-routes.ts';
import { GROUP_ROUTES } from './group-routes.ts';
import { NODE_ROUTES } from './node-routes.ts';
import { OPERATION_ROUTES } from './operation-routes.ts';
import { RELAY_ROUTES } from './relay-routes.ts';
import type { Route } from './route.ts';
import { TOKEN_ROUTES } from './token-routes.ts';

/** Every request that the REST API knows. */
export const ROUTES: readonly Route[] = [
  ...ACCOUNT_ROUTES,
  ...GROUP_ROUTES,
  ...TOKEN_ROUTES,
  ...NODE_ROUTES,
  ...RELAY_ROUTES,
  ...OPERATION_ROUTES,
];
