/** Worker threads that misbehave in the way their `workerData.how` says, for tests of the channel to them. */
import {parentPort, workerData} from 'node:worker_threads';
import {FplError} from '../../core/errors.js';
import type {Numbered} from '../../models/engines/remote/protocol.js';
import {serve} from '../../models/engines/remote/serve.js';

export type Oddness = 'exits' | 'throws' | 'cannot start' | 'answers late' | 'never answers';

const how = (workerData as {readonly how: Oddness}).how;

switch (how) {
	case 'exits':
		parentPort?.on('message', () => process.exit(3));
		break;
	case 'throws':
		parentPort?.on('message', () => {
			setImmediate(() => {
				throw new Error('out of luck');
			});
		});
		break;
	case 'cannot start':
		serve(Promise.reject(new FplError('ENGINE_UNAVAILABLE', {where: 'nowhere'})));
		break;
	case 'answers late':
		parentPort?.on('message', ({id, request, loan}: Numbered) => {
			if (request.kind === 'end') {
				parentPort?.close();
				return;
			}
			setTimeout(() => parentPort?.postMessage({id, loan, ok: true, value: 'late'}), 150);
		});
		break;
	case 'never answers':
		parentPort?.on('message', () => {});
		break;
	default:
		how satisfies never;
}
