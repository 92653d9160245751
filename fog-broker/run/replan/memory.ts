/** What a run keeps in mind from one plan to the next, and from one life of the coordinator to the next. */
import {z} from 'zod';
import type {RunId} from '../../../core/ids.js';
import {planDigest} from '../../../core/plan/digest.js';
import type {Plan} from '../../../core/plan/plan.js';
import type {RunStore} from '../store.js';

/** How many times as long as their profiles say devices take, and links (`learned.ts`); of what is not in it nothing is known: 1. */
export type Slowness = ReadonlyMap<string, number>;

export interface Memory {
	readonly slowness: Map<string, number>;
	/** Digests of plans that could not be begun. */
	readonly refused: Set<string>;
	/** When the run moved last, in milliseconds of the clock. */
	movedAt: number;
}

/** Of the run's folder. */
const fileName = 'pace.json';

const slownessSchema = z.record(z.string(), z.number().positive());
const schema = z.strictObject({
	version: z.literal(1),
	slowness: slownessSchema,
	/** Digest of the plan that the run has, and what its prediction takes as known. */
	plan: z.string(),
	assumed: slownessSchema,
	refused: z.array(z.string()),
});

export const freshMemory = (): Memory => ({
	slowness: new Map(),
	refused: new Set(),
	movedAt: Number.NEGATIVE_INFINITY,
});

export interface Remembered {
	readonly memory: Memory;
	/** What the plan's prediction takes as known of devices and links. */
	readonly assumed: Slowness;
}

/** As the run left it; nothing where there is no such file, or none that can be read: then it is learned again. */
export async function readMemory(store: RunStore, run: RunId, plan: Plan): Promise<Remembered> {
	try {
		const kept = schema.parse(JSON.parse((await store.file(run, fileName)).toString()));
		return {
			memory: {
				...freshMemory(),
				slowness: new Map(Object.entries(kept.slowness)),
				refused: new Set(kept.refused),
			},
			assumed: kept.plan === planDigest(plan) ? new Map(Object.entries(kept.assumed)) : new Map(),
		};
	} catch {
		return {memory: freshMemory(), assumed: new Map()};
	}
}

export async function writeMemory(store: RunStore, run: RunId, plan: Plan, remembered: Remembered): Promise<void> {
	const {memory, assumed} = remembered;
	const kept: z.input<typeof schema> = {
		version: 1,
		slowness: Object.fromEntries(memory.slowness),
		plan: planDigest(plan),
		assumed: Object.fromEntries(assumed),
		refused: [...memory.refused],
	};
	await store.putFile(run, fileName, Buffer.from(`${JSON.stringify(kept)}\n`));
}
