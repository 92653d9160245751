/** What plans are compared by, and how it is written. Less is better in all of them. */
import type {PlanTotals} from '../../core/ledger/prediction.js';
import {byteCount, dollars, duration, energy} from '../format.js';
import {type AxisUnit, byteUnits, dollarUnits, jouleUnits, timeUnits} from '../html/figure.js';

export interface CostAxis {
	readonly title: string;
	readonly of: (totals: PlanTotals) => number;
	readonly write: (value: number | undefined) => string;
	readonly units: readonly AxisUnit[];
}

export const costAxes = {
	time: {title: 'time', of: ({seconds}) => seconds, write: duration, units: timeUnits},
	bytes: {title: 'bytes', of: ({bytes}) => bytes, write: byteCount, units: byteUnits},
	energy: {title: 'energy', of: ({joules}) => joules, write: energy, units: jouleUnits},
	money: {title: 'money', of: ({dollars: price}) => price, write: dollars, units: dollarUnits},
} as const satisfies Record<string, CostAxis>;
export type CostAxisName = keyof typeof costAxes;

/** The axes along which the plans differ at all from nothing: where no device has a price, money is none. */
export const usedAxes = (points: readonly PlanTotals[]): CostAxisName[] =>
	(Object.keys(costAxes) as CostAxisName[]).filter(
		name => (name !== 'money' && name !== 'energy') || points.some(point => costAxes[name].of(point) > 0),
	);
