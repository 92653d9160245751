import * as tfjs from '@tensorflow/tfjs';
import test from 'ava';
import {isFplError} from '../../../core/errors.js';
import {type Loaders, mendNodeUtil, packageLoaders, startBackend} from '../../../models/engines/tfjs/backend.js';
import {tfjsEngine} from '../../../models/engines/tfjs/engine.js';

const absent = () => Promise.reject(new Error('Cannot find package'));

/** A stand-in for `@tensorflow/tfjs-node`, as CommonJS arrives: everything under `default`. */
function fakeNative(started: string[]) {
	return {
		default: {
			version_core: '4.22.0',
			setBackend: async (name: string) => started.push(name) > 0,
			ready: async () => {},
			enableProdMode: () => started.push('prod'),
		},
	};
}

test.serial('tfjs-node is taken where it loads, with as many threads as asked for', async t => {
	const started: string[] = [];
	const loaders: Loaders = {native: async () => fakeNative(started), plain: absent, wasm: absent};
	delete process.env['TF_NUM_INTRAOP_THREADS'];
	const backend = await startBackend(3, undefined, loaders);
	t.is(backend.name, 'tensorflow');
	t.is(backend.description, 'tfjs 4.22.0, tensorflow, 3 threads');
	t.is(process.env['TF_NUM_INTRAOP_THREADS'], '3');
	t.deepEqual(started, ['tensorflow', 'prod']);
	t.deepEqual(backend.passedOver, []);
});

test('what tfjs-node misses in newer Nodes is put back, once', t => {
	const bare: {isNullOrUndefined?: (value: unknown) => boolean} = {};
	mendNodeUtil(bare);
	t.deepEqual(
		[null, undefined, 0, ''].map(value => bare.isNullOrUndefined?.(value)),
		[true, true, false, false],
	);
	const own = () => true;
	const present = {isNullOrUndefined: own};
	mendNodeUtil(present);
	t.is(present.isNullOrUndefined, own);
});

test.serial('without tfjs-node the wasm backend is taken, and the reason is kept', async t => {
	const backend = await startBackend(2, undefined, {...packageLoaders, native: absent});
	t.is(backend.name, 'wasm');
	t.regex(backend.description, /^tfjs \d+\.\d+\.\d+, wasm, 1 thread$/);
	t.deepEqual(backend.passedOver, ['tensorflow: Cannot find package']);
});

test.serial('without wasm plain JavaScript is taken', async t => {
	const backend = await startBackend(1, undefined, {native: absent, plain: async () => tfjs, wasm: absent});
	t.is(backend.name, 'cpu');
	t.is(backend.passedOver.length, 2);
});

test('when nothing works the error has all reasons', async t => {
	const error = await t.throwsAsync(startBackend(1, undefined, {native: absent, plain: absent, wasm: absent}));
	t.true(isFplError(error, 'ENGINE_UNAVAILABLE'));
	for (const name of ['tensorflow', 'wasm', 'cpu']) {
		t.true(error?.message.includes(`${name}: Cannot find package`));
	}
});

test('an engine asked for a backend that does not load is unavailable, and ends', async t => {
	try {
		const engine = await tfjsEngine({threads: 1, backend: 'tensorflow'});
		t.log('tfjs-node is installed here, so there is nothing to refuse');
		t.true(engine.description.includes('tensorflow'));
		await engine.close();
	} catch (error) {
		t.true(isFplError(error, 'ENGINE_UNAVAILABLE'), String(error));
		t.true(String(error).includes('tfjs-node'));
	}
});
