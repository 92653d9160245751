/** Candidates that differ from a given one in one respect: a cut, a device, a stage, or how batches flow. */
import type {Problem} from '../problem.js';
import {type Candidate, type CandidateStage, isUShaped, type Mode} from './candidate.js';
import type {Rules} from './rules.js';

/** Thousands of neighbours are made: one copy of the list each. */
function replaced<T>(values: readonly T[], index: number, by: T, and?: T): T[] {
	const copy = values.slice();
	copy[index] = by;
	if (and !== undefined) {
		copy.splice(index + 1, 0, and);
	}
	return copy;
}

/** Unused devices by kind: those of a kind are alike. */
function unused({kinds, free}: Rules, stages: readonly CandidateStage[]): readonly (readonly number[])[] {
	const used = new Set(stages.flatMap(({devices}) => devices));
	const byKind = new Map<number, number[]>();
	for (const device of free) {
		if (!used.has(device)) {
			const kind = kinds[device]!;
			const alike = byKind.get(kind) ?? [];
			byKind.set(kind, alike);
			alike.push(device);
		}
	}
	return [...byKind.values()];
}

/** One device of each kind in a stage. */
function kindsIn({kinds}: Rules, devices: readonly number[]): readonly number[] {
	const seen = new Set<number>();
	return devices.filter(device => !seen.has(kinds[device]!) && seen.add(kinds[device]!));
}

const strides = [1, 2, 4, 8, 16];
const shortStrides = [-4, -2, -1, 1, 2, 4];

function* otherCuts(rules: Rules, {stages, mode}: Candidate): Generator<Candidate> {
	for (const [index, stage] of stages.slice(0, -1).entries()) {
		const at = rules.cuts.indexOf(stage.last);
		const before = index === 0 ? -1 : stages[index - 1]!.last;
		for (const step of strides) {
			for (const place of [at - step, at + step]) {
				const last = rules.cuts[place];
				const fits = last !== undefined && last > before && last < stages[index + 1]!.last;
				if (fits && (index > 0 || rules.firstCuts.has(last))) {
					yield {stages: replaced(stages, index, {...stage, last}), mode};
				}
			}
		}
	}
}

/** A stage as it is, earlier or later: both of its ends move. */
function* otherPlaces(rules: Rules, {stages, mode}: Candidate): Generator<Candidate> {
	for (let index = 0; index + 2 < stages.length; index++) {
		const [from, to] = [stages[index]!, stages[index + 1]!];
		const before = index === 0 ? -1 : stages[index - 1]!.last;
		for (const step of shortStrides) {
			const [first, last] = [
				rules.cuts[rules.cuts.indexOf(from.last) + step],
				rules.cuts[rules.cuts.indexOf(to.last) + step],
			];
			const fits = first !== undefined && last !== undefined && first > before && last < stages[index + 2]!.last;
			if (fits && (index > 0 || rules.firstCuts.has(first))) {
				yield {stages: replaced(replaced(stages, index, {...from, last: first}), index + 1, {...to, last}), mode};
			}
		}
	}
}

function* otherModes({stages, mode}: Candidate, modes: readonly Mode[]): Generator<Candidate> {
	for (const other of modes) {
		if (other !== mode) {
			yield {stages, mode: other};
		}
	}
}

function* otherDevices(problem: Problem, rules: Rules, {stages, mode}: Candidate): Generator<Candidate> {
	const {mostReplicas, mostStages} = problem.space;
	const {minimumReplicas} = problem.constraints;
	const begin = rules.sources ? 1 : 0;
	const spares = unused(rules, stages);
	// The last stage of a U is that of the sources.
	const end = isUShaped(stages) ? stages.length - 1 : stages.length;
	for (let index = begin; index < end; index++) {
		const stage = stages[index]!;
		const {devices, last} = stage;
		const first = index === 0 ? 0 : stages[index - 1]!.last + 1;
		const own = kindsIn(rules, devices);
		const room = mostReplicas - devices.length;
		const divides = stages.length < mostStages;
		const inside = divides ? rules.cuts.filter(cut => cut >= first && cut < last) : [];
		const middle = [...new Set([inside[inside.length >> 1], inside[0], inside.at(-1)])].filter(
			cut => cut !== undefined && (index > 0 || rules.firstCuts.has(cut)),
		) as readonly number[];
		for (const alike of spares) {
			const spare = alike[0]!;
			for (const count of new Set([1, 2, 4, 8, alike.length])) {
				if (count <= alike.length && count <= room) {
					yield {stages: replaced(stages, index, {last, devices: [...devices, ...alike.slice(0, count)]}), mode};
				}
			}
			for (const device of own) {
				const others = devices.map(one => (one === device ? spare : one));
				yield {stages: replaced(stages, index, {last, devices: others}), mode};
			}
			const others = alike.slice(0, Math.max(1, minimumReplicas));
			for (const cut of others.length >= minimumReplicas ? middle : []) {
				yield {stages: replaced(stages, index, {last: cut, devices}, {last, devices: others}), mode};
				yield {stages: replaced(stages, index, {last: cut, devices: others}, {last, devices}), mode};
			}
		}
		if (devices.length > Math.max(1, minimumReplicas)) {
			for (const device of kindsIn(rules, devices)) {
				const alike = devices.filter(one => rules.kinds[one] === rules.kinds[device]);
				for (const count of new Set([1, alike.length >> 1, alike.length])) {
					const gone = new Set(alike.slice(alike.length - count));
					const rest = devices.filter(one => !gone.has(one));
					if (count > 0 && rest.length >= Math.max(1, minimumReplicas)) {
						yield {stages: replaced(stages, index, {last, devices: rest}), mode};
					}
				}
			}
		}
		for (let other = index + 1; other < end; other++) {
			const next = stages[other]!;
			const swapped = replaced(stages, index, {last, devices: next.devices});
			yield {stages: replaced(swapped, other, {last: next.last, devices}), mode};
		}
	}
}

function* fewerStages(rules: Rules, {stages, mode}: Candidate): Generator<Candidate> {
	if (isUShaped(stages) && stages.length === 3) {
		// One stage is left, or there would be two next to each other on the same devices.
		if (rules.whole) {
			yield {stages: stages.slice(-1), mode};
		}
		return;
	}
	for (let index = 0; index + 1 < stages.length; index++) {
		const [stage, next] = [stages[index]!, stages[index + 1]!];
		const merged = {last: next.last, devices: stage.devices};
		const sources = index === 0 && rules.sources !== undefined;
		const fits = stages.length > 2 ? index > 0 || rules.firstCuts.has(next.last) : rules.whole;
		if (fits) {
			yield {stages: [...stages.slice(0, index), merged, ...stages.slice(index + 2)], mode};
		}
		if (!sources && fits) {
			yield {
				stages: [...stages.slice(0, index), {last: next.last, devices: next.devices}, ...stages.slice(index + 2)],
				mode,
			};
		}
	}
}

/** Some may break rules that `isPermitted` tells. */
export function* neighbours(problem: Problem, rules: Rules, candidate: Candidate): Generator<Candidate> {
	if (candidate.stages.length > 1) {
		yield* otherCuts(rules, candidate);
		yield* otherModes(candidate, rules.modes);
		yield* fewerStages(rules, candidate);
	}
	yield* otherDevices(problem, rules, candidate);
	yield* otherPlaces(rules, candidate);
}
