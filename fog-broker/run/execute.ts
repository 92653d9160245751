/** One run from its manifest to its ledger: prepare, wait for devices, drive it, keep what came out. */
import {asFplError} from '../../core/errors.js';
import type {RunId} from '../../core/ids.js';
import {executeInference} from '../inference/execute.js';
import {cancelled, type RunContext, type RunSignals} from './conduct.js';
import {failedEnd, type RunEnd} from './end.js';
import type {Manifest, RunStore} from './store.js';
import {train} from './train.js';

/** Never rejects: a run that fails says so in its ledger, manifest and journal. */
export async function executeRun(context: RunContext, manifest: Manifest, signals: RunSignals): Promise<void> {
	const {store, journal, log} = context;
	const {pause, cancel} = signals;
	const run = manifest.run as RunId;
	let end: RunEnd;
	try {
		const execute = manifest.inference ? executeInference : train;
		end = await execute(context, manifest, await givenModel(store, run), signals);
	} catch (error) {
		if (pause.aborted || cancel.aborted) {
			end = {state: 'interrupted', because: cancelled};
		} else {
			const failure = asFplError(error);
			log.error(failure.message, {run, code: failure.code});
			end = failedEnd(failure);
		}
	}
	if (end.state === 'interrupted' && pause.aborted) {
		await journal.flush();
		return;
	}
	try {
		const latest = await store.get(run);
		await store.put({...latest, state: end.state});
	} catch (error) {
		log.error(`the end of the run could not be written: ${asFplError(error).message}`, {run});
	}
	journal.publish(run, {
		kind: 'ended',
		state: end.state,
		...(end.code === undefined ? {} : {code: end.code}),
		...(end.because === undefined ? {} : {because: end.because}),
	});
	await journal.flush();
}

/** The model as it was prepared before (with its first weights), or as the client gave it. */
async function givenModel(store: RunStore, run: RunId): Promise<Uint8Array | undefined> {
	for (const name of ['model.onnx', 'given.onnx']) {
		try {
			return await store.file(run, name);
		} catch {
			// Not there: try the next one.
		}
	}
	return undefined;
}
