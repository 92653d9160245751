/** Executes programs with weights kept in flat vectors, as an engine does, for tests. */
import {float32, scalar, type Tensor, tensor} from '../../../core/tensor/tensor.js';
import {dropoutMask} from '../../../models/compile/dropout.js';
import type {InputRole, Port, Program, Range, TrainingPrograms} from '../../../models/compile/program.js';
import type {Layout, Model} from '../../../models/graph.js';
import {flatten, viewOf} from '../../../models/layout.js';
import {type Feeds, runGraph} from './run-graph.js';

export interface Flat {
	parameters: Float32Array;
	buffers: Float32Array;
	slots: Float32Array[];
	gradient: Float32Array;
	updates: number;
}

export const initialState = (model: Model, programs: TrainingPrograms): Flat => ({
	parameters: flatten(model.graph, programs.parameters),
	buffers: flatten(model.graph, programs.buffers),
	slots: Array.from({length: programs.slots}, () => new Float32Array(programs.parameters.length)),
	gradient: new Float32Array(programs.parameters.length),
	updates: 0,
});

export interface ProgramRun {
	readonly programs: Pick<TrainingPrograms, 'parameters' | 'buffers'>;
	readonly state: Flat;
	readonly data?: Feeds;
	readonly targets?: Tensor;
	readonly lr?: number;
	readonly seed?: number;
	/** For every dropout, instead of the mask that the seed gives. */
	readonly mask?: Tensor;
	/** Values for roles beyond those of whole-model programs. */
	readonly more?: (port: Port<InputRole>) => Tensor | undefined;
}

const piece = (flat: Float32Array, {offset, length}: Range): Tensor =>
	tensor('float32', [length], flat.subarray(offset, offset + length));

const named = (layout: Layout, flat: Float32Array, name: string): Tensor<'float32'> =>
	viewOf(flat, layout.entries.find(entry => entry.name === name)!);

function feedOf(
	port: Port<InputRole>,
	{programs, state, data, targets, lr = 0, seed = 0, mask, more}: ProgramRun,
): Tensor {
	const {role} = port;
	switch (role.kind) {
		case 'parameter':
			return named(programs.parameters, state.parameters, role.name);
		case 'buffer':
			return named(programs.buffers, state.buffers, role.name);
		case 'parameters':
			return piece(state.parameters, role.range);
		case 'slots':
			return piece(state.slots[role.slot]!, role.range);
		case 'gradients':
			return piece(state.gradient, role.range);
		case 'data':
			return data![role.name]!;
		case 'target':
			return targets!;
		case 'mask':
			return (
				mask ?? dropoutMask({seed, update: state.updates + 1, node: role.node, ratio: role.ratio, shape: port.shape})
			);
		case 'scalar':
			return scalar(role.scalar === 'lr' ? lr : state.updates + 1);
		default:
			return more?.(port) ?? float32([], []);
	}
}

export interface ProgramResult {
	/** Answers the result with this kind of role: loss, correct. */
	scalar(kind: 'loss' | 'correct'): number | undefined;
	readonly values: Readonly<Record<string, Tensor>>;
}

/** Runs a program and puts new parameters, buffers, slots and gradients where they belong in `state`. */
export async function runProgram(program: Program, run: ProgramRun): Promise<ProgramResult> {
	const feeds = Object.fromEntries(program.inputs.map(port => [port.name, feedOf(port, run)]));
	const values = await runGraph(program.graph, feeds);
	const {programs, state} = run;
	const fresh = {parameters: state.parameters.slice(), slots: state.slots.map(slot => slot.slice())};
	for (const {name, role} of program.outputs) {
		const data = values[name]!.data as Float32Array;
		if (role.kind === 'parameters') {
			fresh.parameters.set(data, role.range.offset);
		} else if (role.kind === 'slots') {
			fresh.slots[role.slot]!.set(data, role.range.offset);
		} else if (role.kind === 'buffer') {
			named(programs.buffers, state.buffers, role.name).data.set(data);
		} else if (role.kind === 'gradient') {
			named(programs.parameters, state.gradient, role.name).data.set(data);
		}
	}
	Object.assign(state, fresh);
	return {
		values,
		scalar(kind) {
			const port = program.outputs.find(({role}) => role.kind === kind);
			return port === undefined ? undefined : Number(values[port.name]!.data[0]);
		},
	};
}

/** Euclidean norm of a, or of a − b. */
export function norm(a: ArrayLike<number>, b?: ArrayLike<number>): number {
	let sum = 0;
	for (let index = 0; index < a.length; index++) {
		sum += (a[index]! - (b?.[index] ?? 0)) ** 2;
	}
	return Math.sqrt(sum);
}
