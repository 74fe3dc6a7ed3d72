import { InvalidArgumentError } from 'commander';
import { GscipError } from '../base/errors.ts';

/** A wrong value on the command line is wrong usage, and told as such. */
export function checked(parse: (text: string) => unknown): (text: string) => string {
  return (text) => {
    try {
      parse(text);
      return text;
    } catch (error) {
      if (error instanceof GscipError) throw new InvalidArgumentError(`${error.message}: ${error.remedy}.`);
      throw error;
    }
  };
}
