/** `fpl plan --pipeedge FOLDER`: a pipeline for a model and boards of which PipeEdge's files tell. */
import {z} from 'zod';
import {FplError} from '../../core/errors.js';
import type {Logger} from '../../core/log.js';
import {measureNames, planningSchema} from '../../core/plan/objective.js';
import {mostMicroBatches} from '../../core/plan/plan.js';
import {quantity} from '../../core/plan/quantity.js';
import {type PipeEdge, readPipeEdgeFolder} from '../../core/profile/pipeedge.js';
import {formatDuration} from '../../core/units.js';
import {boardsOf, type PipeEdgePasses, type PipeEdgeWish} from '../../planners/pipeedge-problem.js';
import {type AnswerOptions, answer} from './answer.js';
import {flag, type WishOptions} from './choose.js';
import {onlyNamed} from './plan-input.js';
import type {UnitsText} from './plan-text.js';

export interface PipeEdgeOptions extends WishOptions, AnswerOptions {
	readonly pipeedge: string;
	readonly model?: string;
	readonly batchSize?: string;
	readonly dtype?: string;
	readonly microBatches?: string;
	readonly passes?: PipeEdgePasses;
	readonly latency?: string;
	readonly devices?: string;
}

const defaultMicroBatches = 16;

const count = (most: number) => z.coerce.number().int().min(1).max(most);

/** Layers with the seconds of their forward passes on the first of the types: what part a stage has hardly depends on the type. */
const unitsOf = ({model, bytesPerElement, types}: PipeEdge, passes: PipeEdgePasses): UnitsText => ({
	model: model.name,
	units: types[0]!.secondsPerLayer.map((work, layer) => ({label: `layer${layer}`, work})),
	crossing: model.elementsOut.slice(0, -1).map(elements => elements * bytesPerElement),
	counted: 'time',
	...(passes === 'inference' ? {flow: 'inference'} : {}),
});

/** @throws FplError `USAGE` naming the flag; those of `readPipeEdgeFolder` and `answer`. */
export async function choosePipeEdge(options: PipeEdgeOptions, logger: Logger): Promise<void> {
	const {pipeedge: folder, passes = 'inference', model, dtype} = options;
	const measure = flag('--objective', z.enum(measureNames), options.objective) ?? 'time';
	if (measure === 'energy' || measure === 'money') {
		throw new FplError('USAGE', {
			where: '--objective',
			problem: `PipeEdge's files tell neither power nor prices, so that ${measure} cannot be predicted`,
			expected: '«time» or «bytes»',
			got: `«${measure}»`,
		});
	}
	const microBatches = flag('--micro-batches', count(mostMicroBatches), options.microBatches) ?? defaultMicroBatches;
	const batch = flag('--batch-size', count(65_536), options.batchSize);
	const deadline = flag('--deadline', quantity('time'), options.deadline);
	const limitSeconds = flag('--limit', quantity('time'), options.limit) ?? planningSchema.parse({}).limit;
	const latency = flag('--latency', quantity('time'), options.latency);
	const profile = await readPipeEdgeFolder(folder, {
		...(model === undefined ? {} : {model}),
		...(batch === undefined ? {} : {batch}),
		...(dtype === undefined ? {} : {dtype}),
	});
	const wish: PipeEdgeWish = {
		passes,
		microBatches,
		objective: {kind: 'one', measure},
		most: deadline === undefined ? {} : {time: deadline},
	};
	const boards = boardsOf(profile, latency).map(board => ({...board, memoryBytes: board.profile.memoryBytes}));
	const names = options.devices?.split(',').map(name => name.trim());
	const participants = onlyNamed(boards, names, folder);
	const items = microBatches * profile.batch;
	const cannot = `nothing here runs it: of «${profile.model.name}» there is a profile, no ONNX model`;
	await answer(
		{
			asked: {kind: 'pipeedge', profile, wish, devices: participants},
			participants,
			timesFrom: () => `device_types.yml of ${folder}`,
			limitSeconds,
			thorough: options.thorough === true,
			wish: {
				text: deadline === undefined ? measure : `${measure}, time at most ${formatDuration(deadline)}`,
				measure,
			},
			units: () => unitsOf(profile, passes),
			check: () => {},
			notes: ({seconds}) => [
				`${items} items in ${microBatches} micro-batches of ${profile.batch}: ${Number((items / seconds).toPrecision(3))} items/s, filling and draining the pipeline included.`,
				...(passes === 'training'
					? ['A backward pass is taken for twice as long as the forward pass that was measured.']
					: []),
				`A plan to read and to compare; ${cannot}.`,
			],
			heading: `${passes === 'inference' ? 'Inference' : 'Training'} by profiles of PipeEdge; ${cannot}.`,
			page: {model: profile.model.name, across: 'time', upwards: 'bytes'},
			remarks: [
				'Costs are predicted from the profiles of PipeEdge’s files; these tell neither power nor prices.',
				passes === 'inference'
					? 'Forward passes only.'
					: 'Backward passes are taken for twice as long as forward ones.',
			],
		},
		options,
		logger,
	);
}
