/**
 * Drawn digits, for machines without MNIST: strokes with wobbling control points under a random affine map, drawn with a
 * round pen of random width, with stray marks and noise. Pictures are 28×28 bytes, light on dark, as MNIST's are.
 */
import {type Random, seededRandom} from '../../../core/random.js';
import type {Split} from '../dataset.js';
import {memoryDataset} from '../memory.js';
import {type Normalisation, type Normalise, normalisation} from '../normalise.js';
import {type Glyph, glyphs} from './glyphs.js';

const side = 28;
const pixels = side * side;

const between = (random: Random, low: number, high: number) => low + (high - low) * random.next();

/** x' = a x + b y + c, y' = d x + e y + f, from the unit square to pixels. */
type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Size, slant, rotation (±15°) and place of one digit. */
function randomAffine(random: Random): Affine {
	const angle = between(random, -0.26, 0.26);
	const [width, height] = [between(random, 10.5, 17.5), between(random, 15.5, 20.5)];
	const slant = between(random, -0.28, 0.28);
	const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
	// Rotation · slant · size, about the centre of the square.
	const [a, b] = [cos * width, (cos * slant - sin) * height];
	const [d, e] = [sin * width, (sin * slant + cos) * height];
	const [x, y] = [side / 2 + between(random, -2.2, 2.2), side / 2 + between(random, -2.2, 2.2)];
	return [a, b, x - (a + b) / 2, d, e, y - (d + e) / 2];
}

/** Brightens pixels near the segment: full within the pen's radius, fading over one pixel at its edge. */
function drawSegment(canvas: Float32Array, x0: number, y0: number, x1: number, y1: number, radius: number): void {
	const reach = radius + 1;
	const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
	const right = Math.min(side - 1, Math.ceil(Math.max(x0, x1) + reach));
	const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
	const bottom = Math.min(side - 1, Math.ceil(Math.max(y0, y1) + reach));
	const [dx, dy] = [x1 - x0, y1 - y0];
	const squared = dx * dx + dy * dy;
	for (let y = top; y <= bottom; y++) {
		for (let x = left; x <= right; x++) {
			const along = squared === 0 ? 0 : Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / squared));
			const [ex, ey] = [x - x0 - along * dx, y - y0 - along * dy];
			const ink = radius + 0.5 - Math.sqrt(ex * ex + ey * ey);
			const index = y * side + x;
			if (ink > canvas[index]!) {
				canvas[index] = Math.min(1, ink);
			}
		}
	}
}

/** One coordinate of a Catmull–Rom spline between p1 and p2 at t in [0, 1]. */
const spline = (p0: number, p1: number, p2: number, p3: number, t: number) =>
	0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t + (3 * p1 - p0 - 3 * p2 + p3) * t * t * t);

const piecesPerCurve = 4;

function drawGlyph(canvas: Float32Array, glyph: Glyph, random: Random, wobble: number): void {
	const [a, b, c, d, e, f] = randomAffine(random);
	const radius = between(random, 0.7, 1.7);
	for (const {points, straight} of glyph) {
		const count = points.length / 2;
		const [xs, ys] = [new Float64Array(count), new Float64Array(count)];
		for (let index = 0; index < count; index++) {
			const x = points[2 * index]! + wobble * random.normal();
			const y = points[2 * index + 1]! + wobble * random.normal();
			xs[index] = a * x + b * y + c;
			ys[index] = d * x + e * y + f;
		}
		for (let index = 0; index + 1 < count; index++) {
			const [before, after] = [Math.max(0, index - 1), Math.min(count - 1, index + 2)];
			const pieces = straight ? 1 : piecesPerCurve;
			let [x, y] = [xs[index]!, ys[index]!];
			for (let piece = 1; piece <= pieces; piece++) {
				const t = piece / pieces;
				const nextX = straight ? xs[index + 1]! : spline(xs[before]!, xs[index]!, xs[index + 1]!, xs[after]!, t);
				const nextY = straight ? ys[index + 1]! : spline(ys[before]!, ys[index]!, ys[index + 1]!, ys[after]!, t);
				drawSegment(canvas, x, y, nextX, nextY, radius);
				[x, y] = [nextX, nextY];
			}
		}
	}
}

/** A short line somewhere, as a smudge or a neighbour's tail would be. */
function drawStray(canvas: Float32Array, random: Random): void {
	const [x, y, angle] = [between(random, 1, side - 2), between(random, 1, side - 2), between(random, 0, 2 * Math.PI)];
	const length = between(random, 1, 6);
	drawSegment(canvas, x, y, x + length * Math.cos(angle), y + length * Math.sin(angle), between(random, 0.3, 0.9));
}

export interface DrawnPictures {
	/** Items of 28×28 bytes. */
	readonly pixels: Uint8Array;
	/** Each digit as often as the others, to within one, in random order. */
	readonly labels: Int32Array;
}

/** Draws pictures; the same random state gives the same ones. */
export function drawDigits(items: number, random: Random): DrawnPictures {
	const labels = Int32Array.from(random.shuffle(Array.from({length: items}, (_, item) => item % glyphs.length)));
	const result = new Uint8Array(items * pixels);
	const canvas = new Float32Array(pixels);
	for (let item = 0; item < items; item++) {
		canvas.fill(0);
		const styles = glyphs[labels[item]!]!;
		drawGlyph(canvas, styles[random.integer(styles.length)]!, random, 0.035);
		if (random.next() < 0.3) {
			drawStray(canvas, random);
		}
		const [ink, noise] = [between(random, 150, 255), between(random, 0, 30)];
		const start = item * pixels;
		for (let index = 0; index < pixels; index++) {
			// A triangular spread is as good a noise as a normal one here, and much cheaper.
			const grain = noise * (random.next() + random.next() - 1);
			result[start + index] = Math.min(255, Math.max(0, ink * canvas[index]! + grain));
		}
	}
	return {pixels: result, labels};
}

export interface DigitsOptions {
	readonly seed: number;
	/** Items to draw. */
	readonly train: number;
	readonly test: number;
	readonly normalise?: Normalise;
}

export interface DrawnDigits {
	readonly train: DrawnPictures;
	readonly test: DrawnPictures;
	readonly constants: Normalisation | undefined;
}

/** Training and test pictures come from different streams. */
export function paintDigits({seed, train, test, normalise = 'train'}: DigitsOptions): DrawnDigits {
	const random = seededRandom(seed).fork('drawn digits');
	const parts = {train: drawDigits(train, random.fork('train')), test: drawDigits(test, random.fork('test'))};
	return {...parts, constants: normalisation(normalise, parts.train.pixels, 1, pixels)};
}

/** A split with features «input» [1, 28, 28] and ten classes. */
export function digitsSplit(drawn: DrawnDigits): Split {
	const dataset = (part: 'train' | 'test') =>
		memoryDataset(
			`digits (${part})`,
			[
				{
					name: 'input',
					shape: [1, side, side],
					data: drawn[part].pixels,
					...(drawn.constants === undefined ? {} : {normalisation: drawn.constants}),
				},
			],
			{kind: 'classes', classes: glyphs.length, labels: drawn[part].labels},
		);
	return {train: dataset('train'), test: dataset('test')};
}
