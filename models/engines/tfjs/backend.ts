/**
 * Where tfjs computes: libtensorflow through `@tensorflow/tfjs-node` where that package is installed and loads (it needs a
 * download that many machines cannot make), else tfjs' WebAssembly backend completed by our kernels, else plain
 * JavaScript, which is some forty times slower but always there.
 */
import util from 'node:util';
import {FplError} from '../../../core/errors.js';
import {completeWasm} from './kernels/register.js';
import type {Tf} from './value.js';

export const backendNames = ['tensorflow', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

/** How packages are loaded; tests put others in their place. */
export interface Loaders {
	native(): Promise<unknown>;
	plain(): Promise<unknown>;
	/** Registers the backend «wasm» with the plain package. */
	wasm(): Promise<unknown>;
}

export interface Backend {
	readonly tf: Tf;
	readonly name: BackendName;
	/** For people, for instance «tfjs 4.22.0, wasm, 1 thread». */
	readonly description: string;
	/** Why better backends were passed over. */
	readonly passedOver: readonly string[];
}

/** `@tensorflow/tfjs-node` is optional, so the compiler must not look for it. */
const nativePackage: string = '@tensorflow/tfjs-node';

export const packageLoaders: Loaders = {
	native: () => import(nativePackage),
	plain: () => import('@tensorflow/tfjs'),
	wasm: () => import('@tensorflow/tfjs-backend-wasm'),
};

/** Packages in CommonJS arrive with everything under `default`. */
const moduleOf = (loaded: unknown): Tf => {
	const {default: inner} = loaded as {default?: unknown};
	return ((loaded as Partial<Tf>).setBackend === undefined && inner !== undefined ? inner : loaded) as Tf;
};

/** tfjs-node 4.22 calls `util.isNullOrUndefined`, which Node 23 removed. */
export function mendNodeUtil(target: object = util): void {
	if (!('isNullOrUndefined' in target)) {
		Object.assign(target, {isNullOrUndefined: (value: unknown) => value === null || value === undefined});
	}
}

/**
 * libtensorflow reads these once, when it is loaded. A worker thread has only a copy of the environment, which native code
 * does not see, so the thread that starts the worker calls this too.
 */
export function tuneNative(threads: number): void {
	process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads);
	process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}

const reason = (error: unknown) => (error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));

async function use(tf: Tf, name: BackendName): Promise<void> {
	if (!(await tf.setBackend(name))) {
		throw new Error(`tfjs could not start its backend «${name}»`);
	}
	await tf.ready();
}

/**
 * Tries the backends from the fastest to the slowest.
 * @param threads for libtensorflow; the other backends compute on one thread under Node.
 * @param only this one and no other.
 * @throws FplError `ENGINE_UNAVAILABLE` with all reasons when none works.
 */
export async function startBackend(
	threads: number,
	only?: BackendName,
	loaders: Loaders = packageLoaders,
): Promise<Backend> {
	const attempts: Record<BackendName, () => Promise<Tf>> = {
		async tensorflow() {
			mendNodeUtil();
			tuneNative(threads);
			const tf = moduleOf(await loaders.native());
			await use(tf, 'tensorflow');
			return tf;
		},
		async wasm() {
			const tf = moduleOf(await loaders.plain());
			await loaders.wasm();
			completeWasm(tf);
			await use(tf, 'wasm');
			return tf;
		},
		async cpu() {
			const tf = moduleOf(await loaders.plain());
			await use(tf, 'cpu');
			return tf;
		},
	};
	const passedOver: string[] = [];
	for (const name of only === undefined ? backendNames : [only]) {
		try {
			const tf = await attempts[name]();
			// Without the search for NaN after every op, and without advice on the console.
			tf.enableProdMode();
			const count = name === 'tensorflow' ? threads : 1;
			return {
				tf,
				name,
				description: `tfjs ${tf.version_core}, ${name}, ${count} thread${count === 1 ? '' : 's'}`,
				passedOver,
			};
		} catch (error) {
			passedOver.push(`${name}: ${reason(error)}`);
		}
	}
	throw new FplError('ENGINE_UNAVAILABLE', {where: 'tfjs', problem: passedOver.join('; ')});
}
