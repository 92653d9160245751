/** The thread in which plans are looked for: one order after the other. */
import {parentPort} from 'node:worker_threads';
import {carryOut, type Numbered, type PlanningAnswer, type PlanningOrder} from './order.js';

parentPort?.on('message', ({id, body}: Numbered<PlanningOrder>) => {
	const answer: Numbered<PlanningAnswer> = {id, body: carryOut(body, () => performance.now())};
	parentPort?.postMessage(answer);
});
