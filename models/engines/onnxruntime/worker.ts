/** The thread in which ONNX Runtime computes: its `run` blocks whoever calls it. */
import {workerData} from 'node:worker_threads';
import type {Host} from '../remote/protocol.js';
import {serve} from '../remote/serve.js';
import type {Setup} from './engine.js';
import {OrtPredictor} from './predictor.js';
import {loadRuntime} from './runtime.js';
import {OrtStage} from './stage.js';
import {OrtTrainer} from './trainer.js';

async function start(setup: Setup): Promise<Host> {
	const runtime = await loadRuntime(setup);
	return {
		describe: () => runtime.description,
		trainer: async (model, options) => new OrtTrainer(runtime, model, options),
		stage: (model, options) => new OrtStage(runtime, model, options),
		predictor: model => OrtPredictor.create(runtime, model),
	};
}

serve(start(workerData as Setup));
