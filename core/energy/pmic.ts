/**
 * The power chip of a Raspberry Pi 5 reports current and voltage of its rails: `vcgencmd pmic_read_adc` prints a line per
 * value, `VDD_CORE_A current(7)=2.71789453A` and `VDD_CORE_V volt(15)=0.85742188V` (Raspberry Pi documentation, «vcgencmd»).
 * Power is the sum over the rails that tell both. `EXT5V`, the input, has a voltage but no current: the chip's own losses and
 * what takes 5 V past it (USB devices, HATs, fans) are not seen.
 */
import {type Clock, systemClock} from '../clock.js';
import {type RunCommand, runCommand} from './command.js';
import type {MeterOutcome} from './meter.js';
import {openSampled, sentence} from './sampled.js';

const deadlineMs = 1500;

/**
 * Watts of all rails with current and voltage.
 * @throws Error when the text holds no such rail.
 */
export function pmicWatts(text: string): number {
	const rails = new Map<string, {A?: number; V?: number}>();
	for (const line of text.split('\n')) {
		const match = /^\s*([A-Z0-9_]+)_([AV])\s+(?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)[AV]\s*$/u.exec(line);
		if (match) {
			const [, rail, unit, value] = match;
			rails.set(rail!, {...rails.get(rail!), [unit as 'A' | 'V']: Number(value)});
		}
	}
	const whole = [...rails.values()].filter(({A, V}) => A !== undefined && V !== undefined);
	if (whole.length === 0) {
		throw new Error(
			`«vcgencmd pmic_read_adc» prints no rail with current and voltage, but «${text.trim().slice(0, 60)}»`,
		);
	}
	return whole.reduce((sum, {A, V}) => sum + A! * V!, 0);
}

function explain(error: unknown): string {
	switch ((error as NodeJS.ErrnoException).code) {
		case 'ENOENT':
			return 'there is no program «vcgencmd»: this is no Raspberry Pi 5, or its package raspi-utils is missing.';
		case 'EACCES':
			return '«vcgencmd» may not be run by this user: add it to the group «video».';
		default:
			return `${sentence(error)}.`;
	}
}

export const openPmicMeter = (run: RunCommand = runCommand, clock: Clock = systemClock): Promise<MeterOutcome> =>
	openSampled(
		{
			name: 'pmic',
			description: 'rails of the Raspberry Pi 5 power chip, power integrated',
			coverage: 'board',
			method: 'power',
			clock,
			// Each sample starts a program of some 10 ms.
			everyMs: 1000,
			async sample() {
				return {kind: 'power', watts: pmicWatts(await run('vcgencmd', ['pmic_read_adc'], deadlineMs))};
			},
		},
		explain,
	);
