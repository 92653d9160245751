/**
 * What was predicted of a run when its plan was chosen, and what the plan was chosen from. It lies beside the measured ledger
 * (`prediction.json`), so that a report can hold the two against each other.
 */
import {z} from 'zod';
import {parseJson, parseValue} from '../config/config.js';
import type {Ledger} from './ledger.js';
import {ledgerSchema} from './schema.js';

/** What a plan costs in all: seconds, bytes with each transfer counted once, joules of all devices, US dollars. */
export interface PlanTotals {
	readonly seconds: number;
	readonly bytes: number;
	readonly joules: number;
	readonly dollars: number;
}

/** A stage as people read it. */
export interface PlanStage {
	/** «0–3», «all». */
	readonly units: string;
	readonly devices: readonly string[];
	/** What else matters of it: «in turn», «junction: mean». */
	readonly remark?: string;
}

/** One plan as a point in the space of what plans cost. */
export interface PlanPoint extends PlanTotals {
	/** Different for each point of a list. */
	readonly id: string;
	readonly scheme: string;
	readonly stages: readonly PlanStage[];
	/** The plan that is, or was, run. */
	readonly chosen: boolean;
	/** A classic scheme, for comparison, rather than a plan that was searched for. */
	readonly baseline: boolean;
	/** Why it would not do, whatever it costs: a limit that it exceeds, «trains another way». */
	readonly against?: string;
	/** The whole plan, to be copied. */
	readonly yaml?: string;
}

/** A plan that was weighed. */
export interface Alternative extends PlanTotals {
	readonly scheme: string;
	readonly chosen: boolean;
	readonly feasible: boolean;
	/** Why it was not chosen, above all where it is not feasible. */
	readonly because?: string;
}

/** What holds a step up; as in `core/cost/evaluate`. */
export interface PredictedBottleneck {
	readonly device: string;
	readonly kind: 'compute' | 'up' | 'down';
	/** Part of the step in which it is busy, in [0, 1]. */
	readonly busy: number;
}

/** The link that a device was predicted with; what is measured is held against the same. */
export interface PredictedLink {
	readonly device: string;
	readonly upBytesPerSecond: number;
	readonly downBytesPerSecond: number;
}

export interface Prediction {
	readonly version: 1;
	/** Of kind `predicted`. */
	readonly ledger: Ledger;
	/** In words: «energy, time at most 10 min 00 s»; absent where the plan was given. */
	readonly objective?: string;
	/** SHA-256 of the plan (`planDigest`). */
	readonly planDigest: string;
	/** Of one step, or of one round where replicas train on their own. */
	readonly stepSeconds: number;
	readonly steps: number;
	readonly dollars: number;
	readonly bottleneck: PredictedBottleneck;
	readonly links: readonly PredictedLink[];
	/** From the best to the worst. */
	readonly alternatives: readonly Alternative[];
	/** Plans of which none is better in everything, and the classic schemes. */
	readonly front?: readonly PlanPoint[];
}

const amount = z.number().min(0);
const text = z.string().max(2000);
const totals = {seconds: amount, bytes: amount, joules: amount, dollars: amount};

const point = z.object({
	...totals,
	id: text,
	scheme: text,
	stages: z.array(z.object({units: text, devices: z.array(text).max(10_000), remark: text.optional()})).max(1000),
	chosen: z.boolean(),
	baseline: z.boolean(),
	against: text.optional(),
	yaml: z.string().max(200_000).optional(),
});

const alternative = z.object({
	...totals,
	scheme: text,
	chosen: z.boolean(),
	feasible: z.boolean(),
	because: text.optional(),
});

export const predictionSchema = z.object({
	version: z.literal(1),
	ledger: ledgerSchema.refine(({kind}) => kind === 'predicted', 'expected a predicted ledger'),
	objective: text.optional(),
	planDigest: text,
	stepSeconds: amount,
	steps: amount,
	dollars: amount,
	bottleneck: z.object({device: text, kind: z.enum(['compute', 'up', 'down']), busy: z.number().min(0).max(1)}),
	links: z.array(z.object({device: text, upBytesPerSecond: amount, downBytesPerSecond: amount})).max(100_000),
	alternatives: z.array(alternative).max(1000),
	front: z.array(point).max(2000).optional(),
});

/**
 * Keys that this version does not know are dropped.
 * @throws FplError `CONFIG_VALUE` naming `where` and the path inside the prediction.
 */
export const parsePrediction = (value: unknown, where = 'prediction'): Prediction =>
	// zod types absent keys as `undefined`; ours are absent.
	parseValue(predictionSchema, value, where) as Prediction;

/** The same from a text. @throws FplError `CONFIG_VALUE`. */
export const readPrediction = (json: string, where = 'prediction'): Prediction =>
	parsePrediction(parseJson(json, where), where);

/** What may be left out of a prediction that is too long, the least important first. */
const shorter: readonly ((prediction: Prediction) => Prediction)[] = [
	({front = [], ...rest}) => ({
		...rest,
		front: front.map(({yaml, ...one}) => (one.chosen && yaml ? {...one, yaml} : one)),
	}),
	({front = [], ...rest}) => ({
		...rest,
		front: front.filter(({chosen, baseline}, index) => chosen || baseline || index < 100),
	}),
	({ledger: {timeline: _, ...ledger}, ...rest}) => ({...rest, ledger}),
	({front: _, ...rest}) => rest,
	({alternatives, ...rest}) => ({...rest, alternatives: alternatives.slice(0, 20)}),
	({links: _, ...rest}) => ({...rest, links: []}),
];

/**
 * JSON of at most `most` characters, so that it fits a message: the plans of the front, the timeline and further alternatives
 * are left out as needed. Undefined where even the rest does not fit.
 */
export function predictionJson(prediction: Prediction, most = 300_000): string | undefined {
	let kept = prediction;
	for (const shorten of [(same: Prediction) => same, ...shorter]) {
		kept = shorten(kept);
		const json = JSON.stringify(kept);
		if (json.length <= most) {
			return json;
		}
	}
	return undefined;
}
