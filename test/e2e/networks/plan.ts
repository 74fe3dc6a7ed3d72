import { elementsOf, type RowElement } from './row.ts';

/** A place in the tree of a network: an element, or a plain machine behind one. The wire that all share is the root. */
export interface Place {
  readonly name: string;
  readonly parent: Place | null;
  /** undefined: a plain machine */
  readonly element: RowElement | undefined;
  /** counts from 1 at each router, and on the wire */
  readonly number: number;
}

/** The two machines of a row that talk, and the elements between them. */
export interface PlacedRow {
  readonly source: Place;
  readonly destination: Place;
  readonly elements: readonly Place[];
}

/**
 * Places the elements of many rows into one tree: those left of the wire and those right of it, each behind the next one
 * outside. What two rows say alike of one place, by letter, mode, groups and what it is behind, is one machine.
 */
export class Plan {
  readonly places: Place[] = [];

  add(path: string): PlacedRow {
    const elements = elementsOf(path);
    const both = elements.find(({ side }) => side === 'B');
    if (both) return this.#within(both);
    const right = elements.findIndex(({ side }) => side === 'D');
    const left = right < 0 ? elements.length : right;
    const near = this.#branch(elements.slice(0, left).reverse());
    const far = this.#branch(elements.slice(left));
    const found = [...near.elements.toReversed(), ...far.elements];
    return { source: near.end, destination: far.end, elements: found };
  }

  /** From the wire inwards. */
  #branch(elements: readonly RowElement[]): { readonly end: Place; readonly elements: readonly Place[] } {
    const placed: Place[] = [];
    for (const element of elements) placed.push(this.#place(placed.at(-1) ?? null, element));
    const last = placed.at(-1) ?? null;
    // a router speaks for plain machines, and so does nobody
    const end = last?.element?.type === 'ges' ? last : this.#terminal(last, 't');
    return { end, elements: placed };
  }

  #within(element: RowElement): PlacedRow {
    const router = this.#place(null, element);
    return { source: this.#terminal(router, 't'), destination: this.#terminal(router, 'u'), elements: [router] };
  }

  #place(parent: Place | null, element: RowElement): Place {
    const { name, mode, side, groups } = element;
    const words = [parent?.name ?? '', name, mode, side === 'N' ? 'n' : '', ...groups];
    return this.#once(words.join('').toLowerCase(), parent, element);
  }

  #terminal(parent: Place | null, letter: string): Place {
    return this.#once(`${parent?.name ?? ''}${letter}`, parent, undefined);
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
