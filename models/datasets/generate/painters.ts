/** What can be drawn: by kind, what is asked for and what comes of it. Everything here may pass between threads. */

import type {Split} from '../dataset.js';
import {type DigitsOptions, type DrawnDigits, digitsSplit, paintDigits} from './digits.js';
import {type DrawnTokens, paintTokens, type TokensOptions, tokensSplit} from './tokens.js';
import {type DrawnVibration, paintVibration, type VibrationOptions, vibrationSplit} from './vibration.js';

export type DrawingOrder =
	| ({readonly kind: 'digits'} & DigitsOptions)
	| ({readonly kind: 'vibration'} & VibrationOptions)
	| ({readonly kind: 'tokens'} & TokensOptions);

export type Drawing =
	| {readonly kind: 'digits'; readonly drawn: DrawnDigits}
	| {readonly kind: 'vibration'; readonly drawn: DrawnVibration}
	| {readonly kind: 'tokens'; readonly drawn: DrawnTokens};

/** Draws here and now, which takes up to seconds. */
export function paint(order: DrawingOrder): Drawing {
	switch (order.kind) {
		case 'digits':
			return {kind: order.kind, drawn: paintDigits(order)};
		case 'vibration':
			return {kind: order.kind, drawn: paintVibration(order)};
		case 'tokens':
			return {kind: order.kind, drawn: paintTokens(order)};
		default:
			return order satisfies never;
	}
}

export function splitOf(drawing: Drawing): Split {
	switch (drawing.kind) {
		case 'digits':
			return digitsSplit(drawing.drawn);
		case 'vibration':
			return vibrationSplit(drawing.drawn);
		case 'tokens':
			return tokensSplit(drawing.drawn);
		default:
			return drawing satisfies never;
	}
}

/** The memory behind a drawing, to be handed from thread to thread instead of copied. */
export function memoryOf({drawn: {train, test}}: Drawing): ArrayBuffer[] {
	return [...Object.values(train), ...Object.values(test)].flatMap(part =>
		ArrayBuffer.isView(part) && part.buffer instanceof ArrayBuffer ? [part.buffer] : [],
	);
}
