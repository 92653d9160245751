/** The native library: loading it, making sessions from graphs, and saying in our words what went wrong. */
import type {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import type {DType, Shape, Tensor, TypedArray} from '../../../core/tensor/tensor.js';
import type {Graph} from '../../graph.js';
import {encodeModel} from '../../onnx/write.js';
import {blockSize} from './blocked/probe.js';
import type {Setup} from './engine.js';

type Ort = typeof import('onnxruntime-node');

export interface Runtime {
	/** For people: «onnxruntime-node 1.30.0, 2 threads». */
	readonly description: string;
	readonly threads: number;
	readonly ort: Ort;
	/** Channels per block of the fast convolution kernels; undefined where there are none. */
	readonly block: number | undefined;
}

/** @throws FplError `ENGINE_UNAVAILABLE` */
export async function loadRuntime({threads, plain}: Setup): Promise<Runtime> {
	try {
		const ort = await import('onnxruntime-node');
		const block = plain ? undefined : await blockSize(ort);
		const version = ort.env.versions.node ?? ort.env.versions.common;
		return {
			ort,
			threads,
			block,
			description: `onnxruntime-node ${version}, ${threads} thread${threads === 1 ? '' : 's'}`,
		};
	} catch (error) {
		throw new FplError(
			'ENGINE_UNAVAILABLE',
			{
				where: 'onnxruntime',
				problem: error instanceof Error ? error.message.split('\n')[0]! : String(error),
				fix: `onnxruntime-node has no library that loads on ${process.platform} ${process.arch}; try the engine tfjs`,
			},
			{cause: error},
		);
	}
}

/** Options of every session; why each is so is told in docs/performance.md. */
const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
	executionProviders: ['cpu'],
	intraOpNumThreads: threads,
	interOpNumThreads: 1,
	executionMode: 'sequential',
	graphOptimizationLevel: 'all',
	enableMemPattern: true,
	enableCpuMemArena: true,
	logSeverityLevel: 3,
	extra: {
		session: {
			set_denormal_as_zero: '1',
			// Threads spin while a run lasts and sleep between runs, when the processor is needed elsewhere.
			force_spinning_stop: '1',
		},
	},
});

/** A graph ready to run. */
export class Session {
	readonly #native: InferenceSession;
	readonly #name: string;

	private constructor(native: InferenceSession, name: string) {
		this.#native = native;
		this.#name = name;
	}

	/** @throws FplError `MODEL_OP` when the runtime refuses the graph. */
	static async create({ort, threads}: Runtime, graph: Graph): Promise<Session> {
		const bytes = encodeModel(graph);
		try {
			return new Session(await ort.InferenceSession.create(bytes, sessionOptions(threads)), graph.name);
		} catch (error) {
			throw failure('MODEL_OP', graph.name, error);
		}
	}

	/** Fetches with a tensor are written into it. @throws FplError `ENGINE_FAILED` with the node's name. */
	async run(
		feeds: Readonly<Record<string, OrtTensor>>,
		fetches: Readonly<Record<string, OrtTensor | null>>,
	): Promise<InferenceSession.ReturnType> {
		try {
			return await this.#native.run(feeds, fetches);
		} catch (error) {
			throw failure('ENGINE_FAILED', this.#name, error);
		}
	}

	async release(): Promise<void> {
		await this.#native.release();
	}
}

/** «… while running Conv node. Name:'conv1' Status Message: …» and the like. */
function failure(code: 'MODEL_OP' | 'ENGINE_FAILED', graph: string, error: unknown): FplError {
	const message = error instanceof Error ? error.message : String(error);
	const node = /(?:Name:\s*'([^']+)'|Node\s*\(([^)]+)\))/u.exec(message);
	const name = node?.[1] ?? node?.[2];
	const where = name === undefined ? `«${graph}»` : `node «${name}» of «${graph}»`;
	return new FplError(code, {where, problem: message.replaceAll(/\s+/gu, ' ').slice(0, 500)}, {cause: error});
}

/** Our tensor over the same memory as a tensor of the runtime, and back. */
export const toOrt = ({ort}: Runtime, dtype: DType, shape: Shape, data: TypedArray): OrtTensor =>
	new ort.Tensor(dtype as OrtTensor.Type, data as OrtTensor.DataType, shape);

export const fromOrt = (value: OrtTensor): Tensor =>
	({dtype: value.type, shape: [...value.dims], data: value.data}) as unknown as Tensor;
