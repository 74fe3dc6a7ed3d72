import { elementOf, partsOf, type RowElement } from './row.ts';

/** A place in the tree of a network: an element, or a plain machine. The wire that all share is the root. */
export interface Place {
  readonly name: string;
  readonly parent: Place | null;
  /** undefined: a plain machine */
  readonly element: RowElement | undefined;
  /** counts from 1 at each router, and on the wire */
  readonly number: number;
}

/** The machines that a packet visits, from the source to the destination; each is a neighbour of the next. */
export type Way = readonly Place[];

/** What machines a network has, and what each is behind. */
export class Plan {
  readonly places: Place[] = [];

  /**
   * Places the elements of a row: those left of the wire and those right of it, each behind the next one outside, and a
   * plain machine behind a router that ends a path. What two rows say alike of one place, by letter, mode, groups and what
   * it is behind, is one machine.
   */
  addRow(path: string): Way {
    const elements = partsOf(path).flatMap((part) => elementOf(part) ?? []);
    const both = elements.find(({ side }) => side === 'B');
    if (both) return this.#within(both);
    const right = elements.findIndex(({ side }) => side === 'D');
    const near = this.#branch(elements.slice(0, right).reverse());
    return [...near.toReversed(), ...this.#branch(elements.slice(right))];
  }

  /** Adds a machine as `Router > Machine GES OP{1}`; a plain one is a name alone. */
  addMachine(text: string): Place {
    const [what = '', router] = text.split(' > ').reverse();
    const element = elementOf(what);
    return this.#once(element?.name ?? what, router === undefined ? null : this.#named(router), element);
  }

  /** By the names of the machines. */
  way(path: string): Way {
    return partsOf(path).map((name) => this.#named(name));
  }

  /** From the wire inwards. */
  #branch(elements: readonly RowElement[]): Way {
    const placed: Place[] = [];
    for (const element of elements) placed.push(this.#place(placed.at(-1) ?? null, element));
    const last = placed.at(-1);
    // a router speaks for plain machines
    return last?.element?.type === 'gen' ? [...placed, this.#terminal(last, 't')] : placed;
  }

  #within(element: RowElement): Way {
    const router = this.#place(null, element);
    return [this.#terminal(router, 't'), router, this.#terminal(router, 'u')];
  }

  #place(parent: Place | null, element: RowElement): Place {
    const { name, mode, side, groups } = element;
    const words = [parent?.name ?? '', name, mode, side === 'N' ? 'n' : '', ...groups];
    return this.#once(words.join('').toLowerCase(), parent, element);
  }

  #terminal(parent: Place, letter: string): Place {
    return this.#once(`${parent.name}${letter}`, parent, undefined);
  }

  #named(name: string): Place {
    const found = this.places.find((each) => each.name === name);
    if (!found) throw new Error(`no machine ${name}`);
    return found;
  }

  #once(name: string, parent: Place | null, element: RowElement | undefined): Place {
    const known = this.places.find((each) => each.name === name);
    if (known) return known;
    const number = this.places.filter((each) => each.parent === parent).length + 1;
    const place = { name, parent, element, number };
    this.places.push(place);
    return place;
  }
}
