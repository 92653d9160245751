/** Forward passes, with and without a loss at the end: what all programs begin with. */
import {emitGradients} from '../autodiff/differentiate.js';
import type {Emitter} from '../autodiff/emitter.js';
import {scale} from '../gradients/ops.js';
import type {Loss} from '../graph.js';
import {assemble, type Result} from './assemble.js';
import {emitLoss, type LossValues, targetType} from './losses.js';
import {declare, differentiableActivations, type Part, type Prepared, prepare} from './prepare.js';
import type {InputRole, Port, Program} from './program.js';

/** A forward pass that ends in a loss. */
export interface LossPass {
	readonly emitter: Emitter;
	readonly inputs: readonly Port<InputRole>[];
	/** Name of the value that the loss is on. */
	readonly output: string;
	readonly loss: LossValues;
	/** loss, correct, new buffers. */
	readonly results: readonly Result[];
}

export const buffersOf = ({buffers}: Prepared): Result[] =>
	[...buffers].map(([name, value]) => ({value, role: {kind: 'buffer', name}}));

export const outputsOf = ({outputs}: Prepared): Result[] =>
	outputs.map(name => ({value: name, role: {kind: 'activation', name}}));

/** The loss is on the first output. */
export function lossPass(part: Part, batch: number, loss: Loss, mode: 'training' | 'inference'): LossPass {
	const prepared = prepare(part, batch, mode);
	const {emitter, inputs, outputs} = prepared;
	const output = outputs[0]!;
	const type = targetType(loss, emitter.shape(output), part.model.name);
	const target = declare(emitter, 'target', type, {kind: 'target'});
	const values = emitLoss(emitter.within('loss/'), loss, output, target.name);
	return {
		emitter,
		inputs: [...inputs, target],
		output,
		loss: values,
		results: [
			{value: values.loss, role: {kind: 'loss'}},
			...(values.correct === undefined ? [] : [{value: values.correct, role: {kind: 'correct'}} as const]),
			...buffersOf(prepared),
		],
	};
}

/** What gradients are of: the mean of the items' losses, or their sum. */
export type GradientOf = 'mean' | 'sum';

/** Gradients of the loss with respect to parameters and activations, by their names. */
export function lossGradients(
	part: Part,
	{emitter, output, loss}: LossPass,
	of: GradientOf = 'mean',
): ReadonlyMap<string, string> {
	const mean = loss.gradient();
	const items = emitter.shape(output)[0] ?? 1;
	const seeds = new Map([[output, of === 'mean' ? mean : scale(emitter.within('loss/'), mean, items)]]);
	return emitGradients(emitter, {seeds, wrt: wantedGradients(part)});
}

/** What a part's gradients are asked for. */
export const wantedGradients = (part: Part): readonly string[] => [
	...part.model.parameters,
	...differentiableActivations(part),
];

/** Parameters' gradients, then those of the activations. */
export function gradientResults(part: Part, gradients: ReadonlyMap<string, string>): Result[] {
	const result = (name: string, kind: 'gradient' | 'input-gradient'): Result => ({
		value: gradients.get(name)!,
		role: {kind, name},
	});
	return [
		...part.model.parameters.map(name => result(name, 'gradient')),
		...differentiableActivations(part).map(name => result(name, 'input-gradient')),
	];
}

export function compileGradient(part: Part, batch: number, loss: Loss, of?: GradientOf): Program {
	const pass = lossPass(part, batch, loss, 'training');
	const gradients = gradientResults(part, lossGradients(part, pass, of));
	return assemble(pass.emitter, pass.inputs, [...pass.results, ...gradients]);
}

export function compileEvaluate(part: Part, batch: number, loss: Loss): Program {
	const {emitter, inputs, results} = lossPass(part, batch, loss, 'inference');
	return assemble(emitter, inputs, results);
}

export function compilePredict(part: Part, batch: number): Program {
	const prepared = prepare(part, batch, 'inference');
	return assemble(prepared.emitter, prepared.inputs, outputsOf(prepared));
}
