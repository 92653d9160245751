/** Graphs ready to run, and what went wrong with them in our words. */
import type {InferenceSession, Tensor as OrtTensor} from 'onnxruntime-node';
import {FplError} from '../../../core/errors.js';
import type {Graph} from '../../graph.js';
import {encodeModel} from '../../onnx/write.js';
import type {Runtime} from './runtime.js';
import {stopName, withStop} from './stop.js';

export type Feeds = Readonly<Record<string, OrtTensor>>;

/** Options of every session; why each is so is told in docs/performance.md. */
const sessionOptions = (threads: number): InferenceSession.SessionOptions => ({
	executionProviders: ['cpu'],
	intraOpNumThreads: threads,
	interOpNumThreads: 1,
	executionMode: 'sequential',
	graphOptimizationLevel: 'all',
	enableMemPattern: true,
	enableCpuMemArena: true,
	// What goes wrong is thrown, and said by us.
	logSeverityLevel: 4,
	extra: {
		session: {
			set_denormal_as_zero: '1',
			// Threads sleep between runs, when the processor is needed elsewhere, and within a run once they have had nothing to
			// do for 50 µs: where another process has a processor, a thread that spins takes turns with one that computes.
			force_spinning_stop: '1',
			'intra_op.spin_duration_us': '50',
		},
	},
});

async function load({ort, threads, trace}: Runtime, graph: Graph, bytes: Uint8Array): Promise<InferenceSession> {
	const options = sessionOptions(threads);
	const traced = trace && {...options, enableProfiling: true, profileFilePrefix: trace(graph.name)};
	try {
		return await ort.InferenceSession.create(bytes, traced ?? options);
	} catch (error) {
		throw failure('MODEL_OP', graph.name, error);
	}
}

/** Answers fresh tensors. */
export class Session {
	readonly #native: InferenceSession;
	readonly #name: string;

	private constructor(native: InferenceSession, name: string) {
		this.#native = native;
		this.#name = name;
	}

	/** @throws FplError `MODEL_OP` when the runtime refuses the graph. */
	static async create(runtime: Runtime, graph: Graph): Promise<Session> {
		return new Session(await load(runtime, graph, encodeModel(graph)), graph.name);
	}

	/** @throws FplError `ENGINE_FAILED` with the node's name. */
	async run(feeds: Feeds): Promise<InferenceSession.ReturnType> {
		try {
			return await this.#native.run(feeds);
		} catch (error) {
			throw failure('ENGINE_FAILED', this.#name, error);
		}
	}

	async release(): Promise<void> {
		await this.#native.release();
	}
}

/** Writes its outputs where it is told, and answers nothing. */
export class WritingSession {
	readonly #native: InferenceSession;
	readonly #name: string;
	/** What the binding says when it stops before copying; undefined: it copies. */
	readonly #stop: string | undefined;
	readonly #traced: boolean;

	private constructor(native: InferenceSession, name: string, {stop, trace}: Runtime) {
		this.#native = native;
		this.#name = name;
		this.#stop = stop;
		this.#traced = trace !== undefined;
	}

	/** @throws FplError `MODEL_OP` when the runtime refuses the graph. */
	static async create(runtime: Runtime, graph: Graph): Promise<WritingSession> {
		const bytes = encodeModel(graph);
		const native = await load(runtime, graph, runtime.stop === undefined ? bytes : withStop(bytes));
		return new WritingSession(native, graph.name, runtime);
	}

	/** @param into a tensor for every output. @throws FplError `ENGINE_FAILED` with the node's name. */
	async run(feeds: Feeds, into: Feeds): Promise<void> {
		try {
			await this.#native.run(feeds, this.#stop === undefined ? into : {[stopName]: null, ...into});
		} catch (error) {
			if (this.#stop === undefined || !(error instanceof Error) || error.message !== this.#stop) {
				throw failure('ENGINE_FAILED', this.#name, error);
			}
		}
	}

	async release(): Promise<void> {
		if (this.#traced) {
			this.#native.endProfiling();
		}
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
