/** The ledger of a run that has not ended: what its last checkpoint says of the devices, and of the steps until then. */
import {parseValue} from '../../core/config/config.js';
import type {RunId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import {parseLedger} from '../../core/ledger/schema.js';
import {jobSchema} from '../../core/plan/job.js';
import {fileCheckpoints} from '../server/checkpoints.js';
import type {BookPages} from './ledger-book.js';
import type {Manifest, RunStore} from './store.js';

/** Undefined while there is no checkpoint; inference runs never have one. @throws FplError `CONFIG_VALUE` where it holds no ledger. */
async function ledgerSoFar(store: RunStore, manifest: Manifest): Promise<Ledger | undefined> {
	const {plan, createdAt} = manifest;
	const run = manifest.run as RunId;
	const {checkpoint} = await fileCheckpoints(store.checkpoints(run)).latest();
	if (!checkpoint || !plan) {
		return undefined;
	}
	const job = parseValue(jobSchema, manifest.job, 'job', 'JOB_INVALID');
	const {pages} = checkpoint.progress as {readonly pages: BookPages};
	const last = pages.rounds.at(-1);
	const ledger: Ledger = {
		version: 1,
		kind: 'measured',
		run,
		model: job.model,
		dataset: job.data.dataset,
		scheme: plan.scheme,
		startedAt: createdAt,
		...pages,
		final: {
			loss: last?.loss ?? Number.NaN,
			...(last?.accuracy === undefined ? {} : {accuracy: last.accuracy}),
			state: 'running',
		},
	};
	return parseLedger(JSON.parse(JSON.stringify(ledger)), `last checkpoint of «${run}»`);
}

/**
 * The ledger of a run as far as it has come. A run that was stopped and goes on has one of its end, and one of the checkpoints
 * since then: it is the later one.
 * @throws FplError `RUN_UNKNOWN`, `RUN_UNFINISHED` when there is nothing to tell yet, `CONFIG_VALUE` where it is damaged.
 */
export async function latestLedger(store: RunStore, run: RunId): Promise<Ledger> {
	const manifest = await store.find(run);
	const soFar = manifest?.state === 'running' ? await ledgerSoFar(store, manifest) : undefined;
	if (!soFar) {
		return store.ledger(run);
	}
	const ended = await store.ledger(run).catch(() => undefined);
	return ended && ended.seconds >= soFar.seconds ? ended : soFar;
}
