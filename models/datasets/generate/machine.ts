/**
 * Vibration of a rotating machine with a rolling bearing, as four accelerometers would see it over one window. Time t in
 * seconds, shaft frequency f, amplitudes in units of a healthy machine's residual unbalance; φ are random phases.
 *
 * Forces by class, with severity s (Randall 2011, «Vibration-based Condition Monitoring», describes these signatures):
 *
 * - healthy        r(t) = cos(2πft + φ) + 0.3 cos(4πft + φ₂) radially, 0.25 of it axially
 * - imbalance      radial adds s · 2.2 (f/f₀)² cos(2πft + φ): a centrifugal force, square in the speed, in phase at both ends
 * - misalignment   axial adds s (1.2 cos(2πft + φ) + 2 cos(4πft + φ₂) + 0.5 cos(6πft + φ₃)), in opposite phase at the ends;
 *                  radial adds s (0.5 cos(2πft + φ) + 1.1 cos(4πft + φ₂))
 * - outer-race     every 1/BPFO seconds (with 1 % jitter of the rolling elements' slip) the drive-end bearing rings:
 *   bearing fault  s · 4 exp(−(t − tₖ)/τ) sin(2πf_r (t − tₖ)), f_r its resonance; BPFO = n/2 · f (1 − d/D cos β) = 3.585 f
 * - looseness      vertical adds s Σₙ aₙ cos(2π n f t / 2 + φₙ) over half orders n = 1 … 12, aₙ = 1.5/√n with random
 *                  factors, and is flattened on one side, where the foot meets its base
 *
 * A load that swings slowly modulates everything: 1 + 0.2 cos(2πf_l t + φ_l), f_l from 1 to 5 Hz.
 */
import type {Random} from '../../../core/random.js';

/** Classes in the order of their numbers. */
export const machineClasses = ['healthy', 'imbalance', 'misalignment', 'outer-race', 'looseness'] as const;
export type MachineClass = (typeof machineClasses)[number];

/** Sensors in the order of their channels. */
export const machineSensors = ['drive-end radial', 'drive-end axial', 'free-end radial', 'foot vertical'] as const;

/** Samples per second; a window of 256 lasts 125 ms, three to four turns of the shaft. */
export const sampleRate = 2048;
export const windowSamples = 256;

/** Mean shaft frequency, Hz. */
const meanSpeed = 27;
/** Outer-race pass frequency in shaft turns: nine balls, d/D = 0.2034, contact angle 0. */
const outerRacePasses = (9 / 2) * (1 - 0.2034);

/** What each sensor hears of the radial, axial, vertical and bearing forces, and its noise (deviation). */
const transfer: Readonly<
	Record<(typeof machineSensors)[number], readonly [r: number, a: number, v: number, b: number, noise: number]>
> = {
	'drive-end radial': [1, 0.1, 0.12, 0.8, 0.9],
	'drive-end axial': [0.15, 1, 0.08, 0.25, 0.9],
	'free-end radial': [0.9, -0.15, 0.2, 0.08, 0.8],
	'foot vertical': [0.35, 0.05, 1, 0.12, 0.8],
};

const between = (random: Random, low: number, high: number) => low + (high - low) * random.next();
const turn = 2 * Math.PI;

interface Forces {
	readonly radial: Float64Array;
	readonly axial: Float64Array;
	readonly vertical: Float64Array;
	readonly bearing: Float64Array;
}

/** Adds amplitude · cos(2π · frequency · t + phase). */
function addTone(signal: Float64Array, amplitude: number, frequency: number, phase: number): void {
	for (let index = 0; index < signal.length; index++) {
		signal[index]! += amplitude * Math.cos((turn * frequency * index) / sampleRate + phase);
	}
}

/** Decaying oscillations at the passes of the rolling elements over the fault. */
function addImpacts(signal: Float64Array, severity: number, speed: number, random: Random): void {
	const resonance = between(random, 560, 720);
	const decay = between(random, 0.0018, 0.003);
	const period = 1 / (outerRacePasses * speed);
	const end = signal.length / sampleRate;
	// The first impact may lie before the window and still ring in it.
	for (let at = -period * (1 + random.next()); at < end; at += period * (1 + 0.01 * random.normal())) {
		const strength = 4 * severity * between(random, 0.8, 1.2);
		const first = Math.max(0, Math.ceil(at * sampleRate));
		const last = Math.min(signal.length, Math.ceil((at + 6 * decay) * sampleRate));
		for (let index = first; index < last; index++) {
			const since = index / sampleRate - at;
			signal[index]! += strength * Math.exp(-since / decay) * Math.sin(turn * resonance * since);
		}
	}
}

function addFault(forces: Forces, kind: MachineClass, severity: number, speed: number, random: Random): void {
	const phases = Array.from({length: 12}, () => turn * random.next());
	switch (kind) {
		case 'healthy':
			return;
		case 'imbalance':
			addTone(forces.radial, 2.2 * severity * (speed / meanSpeed) ** 2, speed, phases[0]!);
			return;
		case 'misalignment':
			for (const [order, axial, radial] of [
				[1, 1.2, 0.5],
				[2, 2, 1.1],
				[3, 0.5, 0],
			] as const) {
				addTone(forces.axial, severity * axial, order * speed, phases[order]!);
				addTone(forces.radial, severity * radial, order * speed, phases[order]!);
			}
			return;
		case 'outer-race':
			addImpacts(forces.bearing, severity, speed, random);
			return;
		case 'looseness': {
			for (const [index, phase] of phases.entries()) {
				const order = (index + 1) / 2;
				addTone(
					forces.vertical,
					(severity * 1.5 * between(random, 0.5, 1.5)) / Math.sqrt(index + 1),
					order * speed,
					phase,
				);
			}
			const stop = 1.2 * severity;
			for (let index = 0; index < forces.vertical.length; index++) {
				forces.vertical[index] = Math.max(-stop, forces.vertical[index]!);
			}
			return;
		}
		default:
			kind satisfies never;
	}
}

/**
 * One window: writes `machineSensors.length` channels of `windowSamples` samples, one after the other.
 * @param out receives the samples, from its start.
 */
export function machineWindow(kind: MachineClass, random: Random, out: Float32Array): void {
	const speed = meanSpeed * between(random, 0.85, 1.15);
	const severity = between(random, 0.5, 1.3);
	const forces: Forces = {
		radial: new Float64Array(windowSamples),
		axial: new Float64Array(windowSamples),
		vertical: new Float64Array(windowSamples),
		bearing: new Float64Array(windowSamples),
	};
	const residual = between(random, 0.5, 1.5);
	const phases = Array.from({length: 3}, () => turn * random.next());
	for (const [signal, share] of [
		[forces.radial, 1],
		[forces.axial, 0.25],
		[forces.vertical, 0.4],
	] as const) {
		addTone(signal, share * residual, speed, phases[0]!);
		addTone(signal, 0.3 * share * residual, 2 * speed, phases[1]!);
	}
	addFault(forces, kind, severity, speed, random);
	const swing = between(random, 1, 5);
	for (const [channel, sensor] of machineSensors.entries()) {
		const [r, a, v, b, noise] = transfer[sensor];
		const gain = between(random, 0.85, 1.15);
		for (let index = 0; index < windowSamples; index++) {
			const load = 1 + 0.2 * Math.cos((turn * swing * index) / sampleRate + phases[2]!);
			const heard =
				r * forces.radial[index]! + a * forces.axial[index]! + v * forces.vertical[index]! + b * forces.bearing[index]!;
			out[channel * windowSamples + index] = gain * load * heard + noise * random.normal();
		}
	}
}
