/** The programs that train a whole model on one device. */

import {emitGradients} from '../autodiff/differentiate.js';
import {Emitter} from '../autodiff/emitter.js';
import type {Layout, Model} from '../graph.js';
import {ownOpsets} from '../graph.js';
import {layoutOf} from '../layout.js';
import {assemble, type Result} from './assemble.js';
import {emitLoss, type LossValues, targetType} from './losses.js';
import {emitClip, emitUpdate, slotCount} from './optimizer.js';
import {chunksOf, type Piece, piecesOf} from './pieces.js';
import {declare, prepare} from './prepare.js';
import type {CompileOptions, InputRole, Port, Program, Range, TrainingPrograms} from './program.js';

/**
 * Compiles a model for training. Programs are made when first asked for.
 * @throws FplError (from the programs) `MODEL_GRADIENT` for an operator without a rule, `MODEL_SHAPE` when batch, output
 * and loss do not fit together.
 */
export function compileTraining(model: Model, options: CompileOptions): TrainingPrograms {
	const parameters = layoutOf(model.graph, model.parameters);
	return {
		parameters,
		buffers: layoutOf(model.graph, model.buffers),
		slots: slotCount(options.optimizer),
		step: once(() => compileStep(model, parameters, options)),
		gradient: once(() => compileGradient(model, options)),
		apply: once(() => compileApply(model.name, parameters, options)),
		evaluate: once(() => compileEvaluate(model, options)),
	};
}

function once<T>(make: () => T): () => T {
	let made: {readonly value: T} | undefined;
	return () => {
		made ??= {value: make()};
		return made.value;
	};
}

interface Forward {
	readonly emitter: Emitter;
	readonly inputs: readonly Port<InputRole>[];
	readonly loss: LossValues;
	/** loss, correct, new buffers. */
	readonly results: readonly Result[];
	readonly output: string;
}

function forward(model: Model, {batch, loss}: CompileOptions, mode: 'training' | 'inference'): Forward {
	const {emitter, inputs, buffers, outputs} = prepare(model, batch, mode);
	const output = outputs[0]!;
	const target = declare(emitter, 'target', targetType(loss, emitter.shape(output), model.name), {kind: 'target'});
	const values = emitLoss(emitter.within('loss/'), loss, output, target.name);
	const results: Result[] = [{value: values.loss, role: {kind: 'loss'}}];
	if (values.correct !== undefined) {
		results.push({value: values.correct, role: {kind: 'correct'}});
	}
	for (const [name, value] of buffers) {
		results.push({value, role: {kind: 'buffer', name}});
	}
	return {emitter, inputs: [...inputs, target], loss: values, results, output};
}

function gradientsOf(model: Model, {emitter, loss, output}: Forward): ReadonlyMap<string, string> {
	const seeds = new Map([[output, loss.gradient()]]);
	return emitGradients(emitter, {seeds, wrt: model.parameters});
}

function compileEvaluate(model: Model, options: CompileOptions): Program {
	const {emitter, inputs, results} = forward(model, options, 'inference');
	return assemble(emitter, inputs, results);
}

function compileGradient(model: Model, options: CompileOptions): Program {
	const pass = forward(model, options, 'training');
	const gradients = gradientsOf(model, pass);
	return assemble(pass.emitter, pass.inputs, [
		...pass.results,
		...model.parameters.map((name): Result => ({value: gradients.get(name)!, role: {kind: 'gradient', name}})),
	]);
}

function compileStep(model: Model, parameters: Layout, options: CompileOptions): Program {
	const pass = forward(model, options, 'training');
	const gradients = gradientsOf(model, pass);
	const pieces = piecesOf(pass.emitter.within('update/'), parameters, gradients);
	const {inputs, results} = update(pass.emitter, pieces, options);
	return assemble(pass.emitter, [...pass.inputs, ...inputs], [...pass.results, ...results]);
}

function compileApply(name: string, parameters: Layout, options: CompileOptions): Program {
	const emitter = new Emitter(`${name}, update`, ownOpsets);
	const inputs = chunksOf(parameters.length).map(range =>
		declare(emitter, `gradient ${range.offset}`, vector(range), {kind: 'gradients', range}),
	);
	const pieces = inputs.map((input): Piece => ({range: (input.role as {range: Range}).range, gradient: input.name}));
	const updated = update(emitter, pieces, options);
	return assemble(emitter, [...inputs, ...updated.inputs], updated.results);
}

const vector = ({length}: Range) => ({dtype: 'float32', shape: [length]}) as const;

/** Clips the gradient and updates parameters and slots, piece by piece. */
function update(emitter: Emitter, pieces: readonly Piece[], {optimizer, clipNorm}: CompileOptions) {
	const scalar = (name: 'lr' | 'update') =>
		declare(emitter, name, {dtype: 'float32', shape: []}, {kind: 'scalar', scalar: name});
	const [lr, count] = [scalar('lr'), scalar('update')];
	const inputs: Port<InputRole>[] = [lr, count];
	const results: Result[] = [];
	const raw = pieces.map(({gradient}) => gradient);
	const clipped = clipNorm === undefined ? raw : emitClip(emitter, raw, clipNorm);
	for (const [index, {range}] of pieces.entries()) {
		const parameter = declare(emitter, `parameters ${range.offset}`, vector(range), {kind: 'parameters', range});
		const slots = Array.from({length: slotCount(optimizer)}, (_, slot) =>
			declare(emitter, `slot ${slot} ${range.offset}`, vector(range), {kind: 'slots', slot, range}),
		);
		inputs.push(parameter, ...slots);
		const updated = emitUpdate(emitter, optimizer, {
			parameter: parameter.name,
			gradient: clipped[index]!,
			slots: slots.map(({name}) => name),
			lr: lr.name,
			update: count.name,
		});
		results.push({value: updated.parameter, role: {kind: 'parameters', range}});
		for (const [slot, value] of updated.slots.entries()) {
			results.push({value, role: {kind: 'slots', slot, range}});
		}
	}
	return {inputs, results};
}
