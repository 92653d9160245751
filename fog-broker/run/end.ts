/** How a run ended, for its ledger and its followers. */
import {type ErrorCode, type ErrorFacts, FplError} from '../../core/errors.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import type {Outcome} from '../rounds/state.js';

export interface RunEnd {
	readonly state: Exclude<Ledger['final']['state'], 'running'>;
	readonly code?: ErrorCode;
	readonly facts?: ErrorFacts;
	readonly because?: string;
	/** The run goes on by another plan. */
	readonly moved?: true;
}

export const failedEnd = ({code, facts, message}: FplError): RunEnd => ({
	state: 'failed',
	code,
	facts,
	because: message,
});

export function endOf(outcome: Outcome): RunEnd {
	switch (outcome.kind) {
		case 'done':
			return {state: 'done'};
		case 'stopped':
			return {state: 'interrupted', because: outcome.because};
		case 'moved':
			return {state: 'interrupted', because: outcome.because, moved: true};
		case 'failed':
			return failedEnd(new FplError(outcome.code, outcome.facts));
		default:
			return outcome satisfies never;
	}
}
