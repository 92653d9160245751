/** The programs that train a whole model on one device. */

import {Emitter} from '../autodiff/emitter.js';
import {mul} from '../gradients/ops.js';
import {type Layout, type Model, ownOpsets} from '../graph.js';
import {layoutOf} from '../layout.js';
import {assemble, type Result} from './assemble.js';
import {compileEvaluate, compileGradient, lossGradients, lossPass} from './forward.js';
import {once} from './once.js';
import {emitClip, emitUpdate, slotCount} from './optimizer.js';
import {chunksOf, type Piece, piecesOf} from './pieces.js';
import {declare} from './prepare.js';
import type {CompileOptions, InputRole, Port, Program, Range, TrainingPrograms} from './program.js';

/**
 * Compiles a model for training. Programs are made when first asked for.
 * @throws FplError (from the programs) `MODEL_GRADIENT` for an operator without a rule, `MODEL_SHAPE` when batch, output
 * and loss do not fit together.
 */
export function compileTraining(model: Model, options: CompileOptions): TrainingPrograms {
	const parameters = layoutOf(model.graph, model.parameters);
	const whole = {model, activations: []};
	return {
		parameters,
		buffers: layoutOf(model.graph, model.buffers),
		slots: slotCount(options.optimizer),
		step: once(() => compileStep(model, parameters, options)),
		gradient: once(() => compileGradient(whole, options.batch, options.loss)),
		apply: once(() => compileApply(model.name, parameters, options)),
		evaluate: once(() => compileEvaluate(whole, options.batch, options.loss)),
	};
}

function compileStep(model: Model, parameters: Layout, options: CompileOptions): Program {
	const whole = {model, activations: []};
	const pass = lossPass(whole, options.batch, options.loss, 'training');
	const gradients = lossGradients(whole, pass);
	const pieces = piecesOf(pass.emitter.within('update/'), parameters, gradients);
	const {inputs, results} = update(pass.emitter, pieces, options);
	return assemble(pass.emitter, [...pass.inputs, ...inputs], [...pass.results, ...results]);
}

/** The update of any flat vector of parameters with a gradient from elsewhere: for whole models and for segments. */
export function compileApply(name: string, parameters: Layout, options: UpdateOptions): Program {
	const emitter = new Emitter(`${name}, update`, ownOpsets);
	const inputs = chunksOf(parameters.length).map(range =>
		declare(emitter, `gradient ${range.offset}`, vector(range), {kind: 'gradients', range}),
	);
	const scale = options.scaled
		? [declare(emitter, 'scale', {dtype: 'float32', shape: []}, {kind: 'scalar', scalar: 'scale'})]
		: [];
	const pieces = inputs.map(
		({name: raw, role}): Piece => ({
			range: (role as {range: Range}).range,
			gradient: scale.reduce((value, {name: factor}) => mul(emitter, value, factor), raw),
		}),
	);
	const updated = update(emitter, pieces, options);
	return assemble(emitter, [...inputs, ...scale, ...updated.inputs], updated.results);
}

export interface UpdateOptions extends Pick<CompileOptions, 'optimizer' | 'clipNorm'> {
	/** Whether the gradient is first multiplied by the scalar `scale`. */
	readonly scaled?: boolean;
}

const vector = ({length}: Range) => ({dtype: 'float32', shape: [length]}) as const;

/** Clips the gradient and updates parameters and slots, piece by piece. */
function update(emitter: Emitter, pieces: readonly Piece[], {optimizer, clipNorm}: UpdateOptions) {
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
