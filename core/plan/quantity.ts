/** zod schemas for written quantities, so that documents say «30 s» and code gets numbers in base units. */
import {z} from 'zod';
import {isFplError} from '../errors.js';
import {type Dimension, parseQuantity} from '../units.js';

/** A written value such as «40 Mbit/s»; parses to the base unit of its dimension. A bare number is refused. */
export const quantity = (dimension: Dimension) =>
	z.unknown().transform((value, context) => {
		try {
			return parseQuantity(dimension, value, 'value');
		} catch (error) {
			if (isFplError(error)) {
				context.issues.push({
					code: 'custom',
					input: value,
					message: `expected ${error.facts.expected}, got ${error.facts.got}. ${error.facts.fix}`,
				});
				return z.NEVER;
			}
			throw error;
		}
	});
