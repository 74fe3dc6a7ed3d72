/*
 * What is typed to make each network: the machine, and the line there. Names of nodes are those of their machines.
 *
 *   figure 6                                      slides
 *       NET1 ──┬──────────┬───────┐                   NET1 ──┬───────────┬──────────┐
 *             GEN       GES3     GEA                       GEN1        GEN2      server
 *     ┌────────┼─────┐            │                  ┌───────┼─────┐   ┌───┴──┐
 *   Term     GES1  GES2     important server       TermA   GES1  GES2 GES3  GES4
 */

/** The department, a manager inside and one elsewhere, and the server of the managers, each with a key of its own for it. */
export const FIGURE_6: readonly string[] = [
  'GMS# gscip server --network company',
  'GMS# gscip admin user add it',
  'GMS# gscip admin group add department',
  'GMS# gscip admin group add managers-inside',
  'GMS# gscip admin group add managers-outside',
  'GMS# gscip admin token create --user it --groups department',
  'GES1# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department,managers-inside',
  'GES2# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups managers-outside',
  'GES3# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department --type gen --mode cl --routes 10.1.0.0/16',
  'GEN# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups managers-inside,managers-outside --mode cl',
  'GEA# gscip up --join TOKEN',
];

/** A newcomer in the department who may use the server, under a key of his own. */
export const FIGURE_6_NEWCOMER: readonly string[] = [
  'GMS# gscip admin group add newcomer',
  'GMS# gscip admin token create --user it --groups department,newcomer',
  'GES4# gscip up --join TOKEN',
  'GMS# gscip admin group admit newcomer GEA',
];

/** GES2 leaves the network below GEN for another. */
export const FIGURE_6_MOVE: readonly string[] = [];

/** Two departments with a manager each, and the server of the managers. */
export const SLIDES: readonly string[] = [
  'GMS# gscip server --network company',
  'GMS# gscip admin user add it',
  'GMS# gscip admin group add department-a',
  'GMS# gscip admin group add department-b',
  'GMS# gscip admin group add managers',
  'GMS# gscip admin token create --user it --groups department-a',
  'GES1# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department-a,managers',
  'GES2# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department-b,managers',
  'GES3# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department-b',
  'GES4# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department-a --type gen --mode cl --routes 10.1.0.0/16',
  'GEN1# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups department-b --type gen --mode cl --routes 10.2.0.0/16',
  'GEN2# gscip up --join TOKEN',
  'GMS# gscip admin token create --user it --groups managers --mode cl',
  'server# gscip up --join TOKEN',
];

/** So many hosts in one group, each of which may talk to every other; one token brings them all. */
export function oneGroup(hosts: number): readonly string[] {
  return [
    'GMS# gscip server --network company',
    'GMS# gscip admin user add it',
    'GMS# gscip admin group add all',
    `GMS# gscip admin token create --user it --groups all --uses ${hosts}`,
    ...Array.from({ length: hosts }, (_, at) => `host${at}# gscip up --join TOKEN`),
  ];
}

/** Most hosts of one department. */
const DEPARTMENT = 20;

/**
 * As in the papers, larger: departments behind a closed router, in each one manager; the managers may use the server, and talk to
 * each other. Only hosts are counted in `hosts`.
 */
export function departments(hosts: number): readonly string[] {
  const count = Math.ceil(hosts / DEPARTMENT);
  return [
    'GMS# gscip server --network company',
    'GMS# gscip admin user add it',
    'GMS# gscip admin group add managers',
    'GMS# gscip admin token create --user it --groups managers --mode cl',
    'server# gscip up --join TOKEN',
    ...Array.from({ length: count }, (_, at) => department(at, Math.min(DEPARTMENT, hosts - at * DEPARTMENT))).flat(),
  ];
}

function department(at: number, hosts: number): readonly string[] {
  const routes = `10.${at + 1}.0.0/16`;
  return [
    `GMS# gscip admin group add department-${at}`,
    `GMS# gscip admin token create --user it --groups department-${at} --type gen --mode cl --routes ${routes}`,
    `GEN${at}# gscip up --join TOKEN`,
    `GMS# gscip admin token create --user it --groups department-${at},managers`,
    `manager${at}# gscip up --join TOKEN`,
    `GMS# gscip admin token create --user it --groups department-${at} --uses ${hosts - 1}`,
    ...Array.from({ length: hosts - 1 }, (_, host) => `host${at}-${host}# gscip up --join TOKEN`),
  ];
}
