/** Benches for the meters that are asked: fake trees of /sys, and a fake command. */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {ExecutionContext} from 'ava';
import {ManualClock} from '../../../core/clock.js';
import type {EnergyMeter, MeterOutcome} from '../../../core/energy/meter.js';
import type {MeterBench} from '../../contracts/meter.js';
import {temporaryFolder} from '../../support/temporary.js';

export function meterOf(outcome: MeterOutcome): EnergyMeter {
	if (outcome.kind !== 'meter') {
		throw new Error(outcome.because);
	}
	return outcome.meter;
}

export const whyNot = (outcome: MeterOutcome): string =>
	outcome.kind === 'unavailable' ? outcome.because : 'it is here';

/** A tree of small files; a value of undefined removes one. */
export class Tree {
	readonly root: string;

	constructor(root: string, files: Readonly<Record<string, string | number>> = {}) {
		this.root = root;
		this.set(files);
	}

	static async in(t: ExecutionContext<unknown>, files: Readonly<Record<string, string | number>>): Promise<Tree> {
		return new Tree(await temporaryFolder(t), files);
	}

	set(files: Readonly<Record<string, string | number | undefined>>): void {
		for (const [name, value] of Object.entries(files)) {
			const file = path.join(this.root, name);
			if (value === undefined) {
				rmSync(file, {force: true});
			} else {
				mkdirSync(path.dirname(file), {recursive: true});
				writeFileSync(file, `${value}\n`);
			}
		}
	}
}

interface FileBench {
	readonly files: Readonly<Record<string, string | number>>;
	readonly open: (root: string, clock: ManualClock) => Promise<MeterOutcome>;
	/** The files that change, under a power and after so many joules. */
	readonly says: (watts: number, joules: number) => Readonly<Record<string, string | number>>;
	readonly nonsense: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
	readonly resolutionJoules?: number;
}

/** A meter of files: it fails when the files are gone. */
export const fileBench =
	({files, open, says, nonsense, ...rest}: FileBench) =>
	async (t: ExecutionContext): Promise<MeterBench> => {
		const tree = await Tree.in(t, {...files, ...says(6, 0)});
		const clock = new ManualClock();
		const meter = meterOf(await open(tree.root, clock));
		let joules = 0;
		return {
			meter,
			clock,
			paceMs: 200,
			holdMs: 0,
			async pass(watts, ms) {
				// The files stand still between two calls, so they say beforehand what will be true at the end.
				joules += (watts * ms) / 1000;
				tree.set(says(watts, joules));
				await clock.advance(ms);
			},
			async fail() {
				tree.set(Object.fromEntries(Object.keys(says(0, joules)).map(file => [file, undefined])));
			},
			nonsense: Object.fromEntries(
				Object.entries(nonsense).map(([what, values]) => [what, async () => tree.set(values)]),
			),
			...rest,
		};
	};
