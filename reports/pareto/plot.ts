/**
 * The geometry of a picture of plans. These functions also run inside the page, where their text is copied to (`client`): they
 * use nothing but each other.
 */

export interface Spot {
	readonly x: number;
	readonly y: number;
}

/** Indices of the spots that no other one beats: none is less in one direction without being more in the other. By x. */
export function frontOf(spots: readonly Spot[]): number[] {
	const order = spots
		.map((_, index) => index)
		.filter(index => Number.isFinite(spots[index]!.x) && Number.isFinite(spots[index]!.y))
		.sort((a, b) => spots[a]!.x - spots[b]!.x || spots[a]!.y - spots[b]!.y);
	const front: number[] = [];
	let least = Number.POSITIVE_INFINITY;
	for (const index of order) {
		if (spots[index]!.y < least) {
			front.push(index);
			least = spots[index]!.y;
		}
	}
	return front;
}

/** An axis from one end to the other, in the unit of its values. */
export interface Scale {
	readonly from: number;
	readonly to: number;
	readonly log: boolean;
}

/** Where the values differ by more than this factor, a straight axis crowds most of them into a corner. */
export function wantsLog(values: readonly number[]): boolean {
	const positive = values.filter(value => value > 0);
	return positive.length === values.length && values.length > 0 && Math.max(...positive) > 20 * Math.min(...positive);
}

/** An axis that holds all values with some room; logarithmic only where all of them are above zero. */
export function scaleOf(values: readonly number[], log: boolean): Scale {
	const finite = values.filter(value => Number.isFinite(value));
	const least = finite.length > 0 ? Math.min(...finite) : 0;
	const most = finite.length > 0 ? Math.max(...finite) : 1;
	if (log && least > 0) {
		const room = Math.max((most / least) ** 0.08, 1.15);
		return {from: least / room, to: most * room, log: true};
	}
	return {from: 0, to: most > 0 ? most * 1.08 : 1, log: false};
}

/** From 0 at the beginning of the axis to 1 at its end. */
export function placeOn({from, to, log}: Scale, value: number): number {
	return log ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from);
}

/** Round values on an axis, about as many as asked for. */
export function ticksOf({from, to, log}: Scale, count: number): number[] {
	if (log) {
		const decades = Math.log10(to / from);
		const steps = decades > count ? [1] : decades > count / 2 ? [1, 3] : [1, 2, 5];
		const stride = Math.max(1, Math.ceil(decades / count));
		const ticks: number[] = [];
		const first = steps.length === 1 ? Math.ceil(Math.log10(from)) : Math.floor(Math.log10(from));
		for (let power = first; 10 ** power <= to; power++) {
			for (const step of steps) {
				const tick = step * 10 ** power;
				if ((power - first) % stride === 0 && tick >= from && tick <= to) {
					ticks.push(tick);
				}
			}
		}
		if (ticks.length >= 2 || decades > 1) {
			return ticks;
		}
	}
	const rough = (to - from) / Math.max(1, count);
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10);
	const ticks: number[] = [];
	// Adding zero turns −0 into 0.
	for (let index = Math.ceil(from / step - 1e-9); index * step <= to * (1 + 1e-9); index++) {
		ticks.push(index * step + 0);
	}
	return ticks;
}

export interface Box {
	readonly left: number;
	readonly top: number;
	readonly width: number;
	readonly height: number;
}

/** Where the label of a spot has room beside it, trying right, left, above and below; undefined where it has none. */
export function roomFor(spot: Spot, width: number, taken: readonly Box[], frame: Box): Box | undefined {
	const height = 14;
	const gap = 12;
	const tries = [
		{left: spot.x + gap, top: spot.y - height / 2},
		{left: spot.x - gap - width, top: spot.y - height / 2},
		{left: spot.x - width / 2, top: spot.y - gap - height},
		{left: spot.x - width / 2, top: spot.y + gap},
	].map(corner => ({...corner, width, height}));
	return tries.find(
		box =>
			box.left >= frame.left &&
			box.left + box.width <= frame.left + frame.width &&
			box.top >= frame.top &&
			box.top + box.height <= frame.top + frame.height &&
			taken.every(
				other =>
					box.left + box.width <= other.left ||
					other.left + other.width <= box.left ||
					box.top + box.height <= other.top ||
					other.top + other.height <= box.top,
			),
	);
}
