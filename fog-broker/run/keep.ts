/** What is kept of a training run that is over. */
import type {Ledger} from '../../core/ledger/ledger.js';
import {exportModel} from '../../models/import/model.js';
import {withWeights} from '../../models/layout.js';
import type {ActiveRun, Setting} from './conduct.js';
import type {RunEnd} from './end.js';

/** Writes the ledger and the trained models. */
export async function keep(
	{context, run, manifest, job, plan, book, accounts}: Setting,
	active: ActiveRun,
	end: RunEnd,
): Promise<void> {
	const {store} = context;
	accounts.settle(book);
	const last = book.rounds.at(-1);
	const results = [...(await active.results())];
	const ledger: Ledger = book.ledger({
		run,
		model: results[0]![1].model.name,
		dataset: job.data.dataset,
		scheme: plan.scheme,
		startedAt: manifest.createdAt,
		seconds: active.seconds,
		final: {
			loss: last?.loss ?? Number.NaN,
			...(last?.accuracy === undefined ? {} : {accuracy: last.accuracy}),
			state: end.state,
			...(end.because === undefined ? {} : {because: end.because}),
		},
	});
	await store.putLedger(run, ledger);
	for (const [index, [device, {model, state}]] of results.entries()) {
		const bytes = exportModel(withWeights(model, state.parameters, state.buffers));
		if (index === 0) {
			await store.putFile(run, 'trained.onnx', bytes);
		}
		if (device !== '') {
			await store.putFile(run, `trained@${device}.onnx`, bytes);
		}
	}
}
