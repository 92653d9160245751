/** How a run that did not end well ends the command that followed it: the same code as the run's, and what to do. */
import {type ErrorCode, errorTable, FplError} from '../core/errors.js';
import type {RunId} from '../core/ids.js';
import type {RunUpdate} from '../core/ledger/run-update.js';

export type Ended = Extract<RunUpdate, {kind: 'ended'}>;

const isCode = (code: string | undefined): code is ErrorCode => code !== undefined && Object.hasOwn(errorTable, code);

/** Undefined for a run that is done. */
export function failureOf(run: RunId, {state, code, because}: Ended): FplError | undefined {
	const resume = `Go on with «fpl run --resume ${run}».`;
	switch (state) {
		case 'done':
			return undefined;
		case 'interrupted':
			return new FplError('RUN_FAILED', {
				where: run,
				problem: `it was stopped${because === undefined ? '' : `: ${because}`}`,
				fix: resume,
			});
		case 'failed': {
			const known = isCode(code) ? code : 'RUN_FAILED';
			// The run's own words begin with the sentence of its code, which is said already.
			const {sentence} = errorTable[known];
			const problem = because?.startsWith(sentence) ? because.slice(sentence.length).trim() : because;
			// With the same job and weights the loss would be lost again.
			const told = known === 'RUN_LOSS_NAN' || problem?.includes('--resume') === true;
			return new FplError(known, {where: run, ...(problem ? {problem} : {}), ...(told ? {} : {fix: resume})});
		}
		default:
			return state satisfies never;
	}
}
