/** How several sources see the same items, as a job document says it (`data.views`). `models/datasets/views.ts` does it. */
import {z} from 'zod';
import type {Frozen} from '../config/config.js';

const count = z.number().int().positive();

/**
 * The views of an item, in order: the first belongs to the first source of the plan, and so on.
 * @example
 * views: { kind: channels }                                 # one sensor of a window each
 * views: { kind: tiles, rows: 2, columns: 2, overlap: 0.4 } # corners of a picture, 20×20 of 28×28
 * views: { kind: columns, groups: [[0], [1], [2], [3]] }    # columns of a table
 */
export const viewsSchema = z.discriminatedUnion('kind', [
	/** One view per channel of [channels, …]: a sensor each. Shapes become [1, …]. */
	z.strictObject({kind: z.literal('channels')}),
	/**
	 * Tiles of pictures [channels, height, width], `rows` × `columns` of them, row by row: cameras that see parts of a
	 * scene. `overlap` in [0, 1) widens each tile by that share of its size, as far as the picture reaches. All tiles have
	 * one size. 2 × 2 gives quadrants.
	 */
	z.strictObject({
		kind: z.literal('tiles'),
		rows: count.max(64),
		columns: count.max(64),
		overlap: z.number().min(0).lt(1).default(0),
	}),
	/** Groups of the numbers of a vector [features]; without groups, each number alone: the columns of a table. */
	z.strictObject({
		kind: z.literal('columns'),
		groups: z
			.array(z.array(z.number().int().min(0)).min(1))
			.min(1)
			.max(256)
			.optional(),
	}),
]);

export type Views = Frozen<z.output<typeof viewsSchema>>;
/** Views as people write them. */
export type ViewsDocument = z.input<typeof viewsSchema>;
