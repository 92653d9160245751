/** The segment that a stage executes: cut out of the model, with all that the engines have to know about its borders. */
import {FplError} from '../../../core/errors.js';
import {describe, type Shape, sizeOf, type Tensor} from '../../../core/tensor/tensor.js';
import {dropoutPart} from '../../compile/dropout.js';
import type {Part} from '../../compile/prepare.js';
import {partOf} from '../../compile/segment.js';
import type {Dim, Model, ValueInfo} from '../../graph.js';
import {batchName} from '../../import/batch.js';
import {typesOf} from '../../infer.js';
import {segmentsOf} from '../../inspect/segments.js';
import {layoutOf} from '../../layout.js';
import type {GivenSegment, RangeOfUnits, StageInfo, StageOptions, Tensors, Where} from '../stage.js';

/** Draws the mask of a dropout node. */
export type Mask = (node: string, ratio: number, shape: Shape) => Tensor<'float32'>;

const defaultStashBytes = 2 ** 30;

export class StagePart {
	/** Its model's name tells the segment: `lenet5/3-7`. */
	readonly part: Part;
	readonly info: StageInfo;
	readonly stashBytes: number;
	readonly #seed: number;
	/** Dropout node → the axis of its mask that counts items. */
	readonly #itemAxes: ReadonlyMap<string, number>;

	/** @throws FplError `MODEL_CUT` when the model cannot be cut there, `CONFIG_VALUE` for a limit that makes no sense. */
	constructor(model: Model, options: StageOptions) {
		const {seed, stashBytes = defaultStashBytes} = options;
		if (!(stashBytes > 0)) {
			throw new FplError('CONFIG_VALUE', {where: 'stashBytes', expected: 'a number > 0', got: `${stashBytes}`});
		}
		const {segment, last} = 'segment' in options ? options : cutOut(model, options);
		this.part = partOf(model, segment);
		this.stashBytes = stashBytes;
		this.#seed = seed;
		const {graph, parameters, buffers} = this.part.model;
		const received = new Set(this.part.activations);
		this.info = {
			label: segment.label,
			parameters: layoutOf(graph, parameters),
			buffers: layoutOf(graph, buffers),
			data: graph.inputs.filter(({name}) => !received.has(name)),
			receives: graph.inputs.filter(({name}) => received.has(name)),
			sends: graph.outputs,
			passing: segment.passing,
			last,
		};
		const type = typesOf(graph);
		const axisOf = (name: string) => type(name)?.shape?.findIndex(dim => typeof dim === 'string') ?? 0;
		this.#itemAxes = new Map(
			graph.nodes
				.filter(({op, domain}) => op === 'Dropout' && domain === '')
				.map(({name, inputs}) => [name, Math.max(0, axisOf(inputs[0]!))]),
		);
	}

	get name(): string {
		return this.part.model.name;
	}

	/** @throws FplError `ENGINE_CALL` unless this is the last stage. */
	expectLast(call: string): void {
		if (!this.info.last) {
			throw new FplError('ENGINE_CALL', {
				where: `stage «${this.name}»`,
				problem: `it does not make the model's outputs, so it cannot ${call}`,
				fix: 'Ask the last stage',
			});
		}
	}

	/** @returns the number of items. @throws FplError `DATA_SHAPE` unless these are exactly the stage's inputs. */
	checkInputs(inputs: Tensors): number {
		return checkTensors(this.name, this.part.model.graph.inputs, inputs);
	}

	/** @throws FplError `DATA_SHAPE` unless there is one for each float32 output. */
	checkOutputGradients(gradients: Tensors, items: number): void {
		const expected = this.info.sends.filter(({dtype}) => dtype === 'float32');
		checkTensors(`gradients for ${this.name}`, expected, gradients, items);
	}

	/** @throws FplError `DATA_SHAPE` when the micro-batch does not lie within the batch. */
	masks({offset, total}: Where, items: number, update: number): Mask {
		if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(total) && offset >= 0 && offset + items <= total)) {
			throw new FplError('DATA_SHAPE', {
				where: `micro-batch for «${this.name}»`,
				expected: 'its items to lie within the global batch',
				got: `${items} items from ${offset} of ${total}`,
			});
		}
		return (node, ratio, shape) =>
			dropoutPart({
				seed: this.#seed,
				update,
				node,
				ratio,
				shape,
				axis: this.#itemAxes.get(node) ?? 0,
				items,
				offset,
				total,
			});
	}
}

function cutOut(model: Model, {ranges, index, cuts = {}}: RangeOfUnits): GivenSegment {
	const segment = segmentsOf(model, ranges, cuts)[index];
	if (segment === undefined) {
		throw new FplError('MODEL_CUT', {
			where: `«${model.name}»`,
			expected: `a segment from 0 to ${ranges.length - 1}`,
			got: `${index}`,
		});
	}
	return {segment, last: index === ranges.length - 1};
}

const show = (shape: readonly Dim[] | undefined): string => `[${shape?.join(', ') ?? '…'}]`;

/** What a dimension (`N`, `16*N`, 8) is for so many items; undefined where it is not known in advance. */
function lengthOf(dim: Dim, items: number): number | undefined {
	if (typeof dim === 'number') {
		return dim;
	}
	const factors = dim.split('*').map(factor => (factor === batchName ? items : Number(factor)));
	return factors.some(Number.isNaN) ? undefined : sizeOf(factors);
}

function fits(expected: readonly Dim[] | undefined, shape: Shape, items: number): boolean {
	return (
		expected === undefined ||
		(expected.length === shape.length &&
			expected.every((dim, axis) => (lengthOf(dim, items) ?? shape[axis]) === shape[axis]))
	);
}

/** Items of what should be tensors with the items along the first axis. */
function itemsOf(where: string, expected: readonly ValueInfo[], given: Tensors): number {
	const [first] = expected;
	const items = first === undefined ? undefined : given[first.name]?.shape[0];
	if (first === undefined || items === undefined || !Number.isSafeInteger(items) || items < 1) {
		throw new FplError('DATA_SHAPE', {
			where: `«${where}»`,
			expected: `a tensor «${first?.name}» with at least one item`,
			got: items === undefined ? Object.keys(given).join(', ') || 'nothing' : `${items} items`,
		});
	}
	return items;
}

function checkTensors(where: string, expected: readonly ValueInfo[], given: Tensors, known?: number): number {
	const items = known ?? itemsOf(where, expected, given);
	for (const {name, dtype, shape} of expected) {
		const value = Object.hasOwn(given, name) ? given[name] : undefined;
		const good =
			value !== undefined &&
			value.dtype === dtype &&
			fits(shape, value.shape, items) &&
			value.data.length === sizeOf(value.shape);
		if (!good) {
			throw new FplError('DATA_SHAPE', {
				where: `«${name}» of «${where}»`,
				expected: `${dtype}${show(shape)} with N = ${items}`,
				got: value === undefined ? 'nothing' : `${describe(value)} with ${value.data.length} elements`,
			});
		}
	}
	const names = new Set(expected.map(({name}) => name));
	const extra = Object.keys(given).filter(name => !names.has(name));
	if (extra.length > 0) {
		throw new FplError('DATA_SHAPE', {
			where: `«${where}»`,
			expected: [...names].map(name => `«${name}»`).join(', ') || 'nothing',
			got: extra.map(name => `«${name}»`).join(', '),
		});
	}
	return items;
}
