/** What lies between steps: replicas that train by themselves meet now and then, and clients in turn hand over their weights. */
import {groupsOf} from '../plan/groups.js';
import {type Plan, synchronisationOf} from '../plan/plan.js';
import type {Episode, TrainingCosts} from './episode.js';
import type {CostDevice, CostFleet} from './fleet.js';
import {endOf, hubOf, transfer} from './lines.js';
import type {ModelCosts} from './model-costs.js';
import {freshSpending, type Spending} from './step-clock.js';
import {onTheWire, rangesOfPlan, vectorBytes, vectorElements} from './traffic.js';

export interface ExchangeInput {
	readonly plan: Plan;
	readonly costs: ModelCosts;
	readonly fleet: CostFleet;
	readonly training: TrainingCosts;
	readonly stepsPerEpoch: number;
	readonly devices: ReadonlyMap<string, CostDevice>;
}

/** Vectors go up from the givers and down to the takers; in between the coordinator has them. */
function passOver(
	{fleet, devices}: ExchangeInput,
	givers: readonly string[],
	takers: readonly string[],
	bytes: number,
	elements: number,
): Omit<Episode, 'times'> {
	const hub = hubOf(fleet);
	const spent = new Map<string, Spending>();
	const of = (device: string): Spending => {
		const found = spent.get(device) ?? freshSpending();
		spent.set(device, found);
		return found;
	};
	const {there, back} = onTheWire(bytes, fleet.messaging.chunkBytes);
	const ends = new Map([...givers, ...takers].map(name => [name, endOf(devices.get(name)!)]));
	let collected = 0;
	for (const name of givers) {
		const end = ends.get(name)!;
		const {acknowledged, arrived} = transfer(hub, end, undefined, there, end.latencySeconds);
		const own = of(name);
		own.send += acknowledged;
		own.bytesSent += there;
		own.bytesReceived += back;
		own.bytesFromServer += back;
		collected = Math.max(collected, arrived);
	}
	collected += fleet.broker.secondsPerStep + elements * fleet.broker.secondsPerElement;
	let done = collected;
	for (const name of takers) {
		const {arrived} = transfer(hub, undefined, ends.get(name)!, there, collected);
		const own = of(name);
		own.receive += arrived - collected;
		own.bytesReceived += there;
		own.bytesFromServer += there;
		own.bytesSent += back;
		done = Math.max(done, arrived);
	}
	return {seconds: done, devices: spent, passes: []};
}

export function exchangesOf(input: ExchangeInput): readonly Episode[] {
	const {plan, costs, training, stepsPerEpoch} = input;
	const ranges = rangesOfPlan(plan, costs.units.length);
	return groupsOf(plan).flatMap(({kind, stage, replicas}): Episode[] => {
		const document = plan.stages[stage]!;
		const {every} = synchronisationOf(plan, document);
		const devices = replicas.map(replica => document.replicas[replica]!.device);
		const elements = vectorElements(costs, ranges[stage]!);
		const steps = training.epochs * stepsPerEpoch;
		switch (kind) {
			case 'step':
				return [];
			case 'interval': {
				const times =
					every.kind === 'steps'
						? Math.ceil(steps / every.steps)
						: every.kind === 'epochs'
							? Math.ceil(training.epochs / every.epochs)
							: 0;
				return [{...passOver(input, devices, devices, vectorBytes(elements), elements), times}];
			}
			case 'turn': {
				const perTurn = every.kind === 'steps' ? every.steps : every.kind === 'step' ? 1 : undefined;
				const turns =
					perTurn !== undefined
						? steps / perTurn
						: every.kind === 'epochs'
							? (training.epochs * replicas.length) / every.epochs
							: 0;
				// The optimiser's vectors go along with the weights.
				const bytes = vectorBytes(elements) * (1 + training.slots);
				return devices.map((device, index) => ({
					...passOver(input, [device], [devices[(index + 1) % devices.length]!], bytes, 0),
					times: turns / devices.length,
				}));
			}
			default:
				return kind satisfies never;
		}
	});
}
