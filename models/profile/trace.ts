/** What each node of a segment's programs takes, as ONNX Runtime's own profiler tells it. */
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {FplError} from '../../core/errors.js';
import {loadRuntime} from '../engines/onnxruntime/runtime.js';
import {OrtStage} from '../engines/onnxruntime/stage.js';
import type {Model} from '../graph.js';
import type {Segment} from '../inspect/segments.js';
import {type PassInputs, settings} from './timed-stage.js';

export interface NodeTime {
	readonly node: string;
	/** Shortest of all runs but the first, seconds; the profiler counts whole microseconds, and some of its own. */
	readonly seconds: number;
}

export interface Traced {
	/** In the order of execution. */
	readonly forward: readonly NodeTime[];
	readonly backward: readonly NodeTime[];
}

interface TraceEvent {
	readonly cat?: unknown;
	readonly name?: unknown;
	readonly dur?: unknown;
}

const suffix = '_kernel_time';

/** @throws FplError `ENGINE_FAILED` when the runtime wrote something that is no trace. */
export function nodeTimes(text: string, where: string): readonly NodeTime[] {
	let events: unknown;
	try {
		events = JSON.parse(text);
	} catch (cause) {
		throw new FplError('ENGINE_FAILED', {where, problem: "the runtime's profile is no JSON"}, {cause});
	}
	if (!Array.isArray(events)) {
		throw new FplError('ENGINE_FAILED', {where, problem: "the runtime's profile is no list of events"});
	}
	const runs = new Map<string, number[]>();
	for (const {cat, name, dur} of events as TraceEvent[]) {
		if (cat === 'Node' && typeof name === 'string' && name.endsWith(suffix) && typeof dur === 'number' && dur >= 0) {
			const node = name.slice(0, -suffix.length);
			runs.set(node, [...(runs.get(node) ?? []), dur]);
		}
	}
	return [...runs].map(([node, times]) => ({
		node,
		seconds: Math.min(...(times.length > 1 ? times.slice(1) : times)) / 1e6,
	}));
}

/**
 * Runs forward and backward passes of a segment in this thread, which is blocked meanwhile.
 * @param runs how often, ≥ 2: the first one is left out.
 * @throws FplError `ENGINE_UNAVAILABLE` where the runtime does not load, otherwise as `Engine.stage`.
 */
export async function traceSegment(
	model: Model,
	segment: Segment,
	inputs: PassInputs,
	{threads, runs}: {readonly threads: number; readonly runs: number},
): Promise<Traced> {
	const runtime = await loadRuntime({threads, plain: false});
	const folder = await mkdtemp(path.join(os.tmpdir(), 'fpl-profile-'));
	try {
		let sessions = 0;
		const trace = () => path.join(folder, `${sessions++}`);
		const stage = new OrtStage({...runtime, trace}, model, {segment, last: false, ...settings});
		const where = {offset: 0, total: inputs.items};
		for (let run = 0; run < runs; run++) {
			await stage.forward(0, inputs.values, where);
			await stage.backward(0, inputs.outputGradients);
			stage.discard();
		}
		await stage.close();
		// Sessions are made when they are needed first: forward, then backward.
		const files = await readdir(folder);
		const read = async (session: number) => {
			const file = files.find(name => name.startsWith(`${session}_`));
			return file === undefined ? [] : nodeTimes(await readFile(path.join(folder, file), 'utf8'), segment.label);
		};
		return {forward: await read(0), backward: await read(1)};
	} finally {
		await rm(folder, {recursive: true, force: true});
	}
}
