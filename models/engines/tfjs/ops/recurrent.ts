/** GRU, LSTM and RNN, unrolled over time. Formulas: the ONNX operator documents. */
import type {Tf, TfTensor} from '../value.js';
import {cut} from './broadcast.js';
import type {Op, OpContext} from './context.js';

const activations: Readonly<Record<string, (tf: Tf, x: TfTensor) => TfTensor>> = {
	Sigmoid: (tf, x) => tf.sigmoid(x),
	Tanh: (tf, x) => tf.tanh(x),
	Relu: (tf, x) => tf.relu(x),
};

type Activate = (x: TfTensor) => TfTensor;

interface Cell {
	/** Gates per hidden unit. */
	readonly gates: number;
	/** Activation names per direction. */
	readonly defaults: readonly string[];
	/** How many states travel from step to step: h, and c for LSTM. */
	readonly states: number;
	/** The new states. */
	step(cell: StepInput): readonly TfTensor[];
}

interface StepInput {
	readonly context: OpContext;
	/** x·Wᵀ + Wb of this step [batch, gates · hidden]. */
	readonly x: TfTensor;
	readonly states: readonly TfTensor[];
	/** Recurrent weights [gates · hidden, hidden] and biases [gates · hidden]. */
	readonly r: TfTensor;
	readonly rb: TfTensor;
	/** The same, gate by gate. */
	readonly rs: readonly TfTensor[];
	readonly rbs: readonly TfTensor[];
	readonly f: readonly Activate[];
}

const recur = (tf: Tf, h: TfTensor, r: TfTensor, rb: TfTensor) => tf.add(tf.matMul(h as TfTensor, r, false, true), rb);

const rnn: Cell = {
	gates: 1,
	defaults: ['Tanh'],
	states: 1,
	step: ({context: {tf}, x, states, r, rb, f}) => [f[0]!(tf.add(x, recur(tf, states[0]!, r, rb)))],
};

const lstm: Cell = {
	gates: 4,
	defaults: ['Sigmoid', 'Tanh', 'Tanh'],
	states: 2,
	step({context: {tf}, x, states, r, rb, f}) {
		const [h, c] = states as [TfTensor, TfTensor];
		const [i, o, forget, cell] = cut(tf, tf.add(x, recur(tf, h, r, rb)), 4, 1);
		const next = tf.add(tf.mul(f[0]!(forget!), c), tf.mul(f[0]!(i!), f[1]!(cell!)));
		return [tf.mul(f[0]!(o!), f[2]!(next)), next];
	},
};

const gru: Cell = {
	gates: 3,
	defaults: ['Sigmoid', 'Tanh'],
	states: 1,
	step({context, x, states, rs, rbs, f}) {
		const {tf} = context;
		const [h] = states as [TfTensor];
		const [xz, xr, xh] = cut(tf, x, 3, 1) as [TfTensor, TfTensor, TfTensor];
		const [wz, wr, wh] = rs as readonly [TfTensor, TfTensor, TfTensor];
		const [bz, br, bh] = rbs as readonly [TfTensor, TfTensor, TfTensor];
		const z = f[0]!(tf.add(xz, recur(tf, h, wz, bz)));
		const reset = f[0]!(tf.add(xr, recur(tf, h, wr, br)));
		const inner =
			context.int('linear_before_reset', 0) === 0
				? recur(tf, tf.mul(reset, h), wh, bh)
				: tf.mul(reset, recur(tf, h, wh, bh));
		const candidate = f[1]!(tf.add(xh, inner));
		return [tf.add(tf.mul(tf.sub(1, z), candidate), tf.mul(z, h))];
	},
};

function refuseWhatIsMissing(context: OpContext, steps: number): void {
	const lengths = context.numbers(4);
	if (lengths?.some(length => length !== steps)) {
		context.fail('sequences of different lengths');
	}
	if (context.optional(7) !== undefined) {
		context.fail('peepholes');
	}
	for (const [name, harmless] of [
		['layout', 0],
		['input_forget', 0],
	] as const) {
		if (context.int(name, harmless) !== harmless) {
			context.fail(`attribute «${name}»`);
		}
	}
	if (context.node.attributes['clip'] !== undefined) {
		context.fail('attribute «clip»');
	}
}

/** Row `index` of the first axis, without that axis. */
const row = (tf: Tf, t: TfTensor, index: number): TfTensor =>
	tf.reshape(tf.slice(t, [index, ...t.shape.slice(1).map(() => 0)], [1, ...t.shape.slice(1)]), t.shape.slice(1));

const recurrent =
	(cell: Cell): Op =>
	context => {
		const {tf} = context;
		const x = context.plain(0); // [steps, batch, features]
		const w = context.plain(1); // [directions, gates · hidden, features]
		const r = context.plain(2); // [directions, gates · hidden, hidden]
		const [steps, batch, features] = x.shape as [number, number, number];
		const hidden = r.shape[2]!;
		const direction = context.string('direction', 'forward');
		const directions = direction === 'bidirectional' ? 2 : 1;
		refuseWhatIsMissing(context, steps);
		const names = context.attribute('activations', 'strings') ?? [];
		const outputs: TfTensor[][] = []; // [direction][step] of [batch, hidden]
		const finals: TfTensor[][] = Array.from({length: cell.states}, () => []);
		const flat = tf.reshape(x, [steps * batch, features]);
		for (let d = 0; d < directions; d++) {
			const f = cell.defaults.map((fallback, index) => {
				const name = names[d * cell.defaults.length + index] ?? fallback;
				const activation = activations[name] ?? context.fail(`activation «${name}»`);
				return (t: TfTensor) => activation(tf, t);
			});
			const bias = context.optional(3);
			const [wb, rb] =
				bias === undefined
					? [tf.zeros([cell.gates * hidden]), tf.zeros([cell.gates * hidden])]
					: (tf.split(row(tf, bias.plain, d), 2) as [TfTensor, TfTensor]);
			const projected = tf.add(tf.matMul(flat, row(tf, w, d), false, true), wb);
			const perStep = cut(tf, projected, steps, 0); // of [batch, gates · hidden]
			const start = (input: number) => {
				const given = context.optional(input);
				return given === undefined ? tf.zeros([batch, hidden]) : row(tf, given.plain, d);
			};
			let states: readonly TfTensor[] = [5, 6].slice(0, cell.states).map(start);
			const own = row(tf, r, d);
			const weights = {r: own, rb, rs: cut(tf, own, cell.gates, 0), rbs: cut(tf, rb, cell.gates, 0), f};
			const backwards = direction === 'reverse' || d === 1;
			const results: TfTensor[] = [];
			for (let step = 0; step < steps; step++) {
				const at = backwards ? steps - 1 - step : step;
				states = cell.step({context, x: perStep[at]!, states, ...weights});
				results[at] = states[0]!;
			}
			outputs.push(results);
			for (const [index, state] of states.entries()) {
				finals[index]!.push(state);
			}
		}
		const all = tf.stack(Array.from({length: steps}, (_, step) => tf.stack(outputs.map(results => results[step]!)))); // [steps, directions, batch, hidden]
		return [context.of(all), ...finals.map(states => context.of(tf.stack(states)))];
	};

export const recurrentOps = {
	RNN: recurrent(rnn),
	LSTM: recurrent(lstm),
	GRU: recurrent(gru),
} as const satisfies Record<string, Op>;
