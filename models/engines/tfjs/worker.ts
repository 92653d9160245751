/** The thread in which tfjs computes, so that the caller's event loop stays free. */
import {workerData} from 'node:worker_threads';
import type {Host} from '../remote/protocol.js';
import {serve} from '../remote/serve.js';
import {startBackend} from './backend.js';
import type {Setup} from './engine.js';
import {TfjsPredictor} from './predictor.js';
import {TfjsStage} from './stage.js';
import {TfjsTrainer} from './trainer.js';

async function start({threads, backend}: Setup): Promise<Host> {
	const {tf, description} = await startBackend(threads, backend);
	return {
		describe: () => description,
		trainer: (model, options) => new TfjsTrainer(tf, model, options),
		stage: (model, options) => new TfjsStage(tf, model, options),
		predictor: model => new TfjsPredictor(tf, model),
	};
}

serve(start(workerData as Setup));
