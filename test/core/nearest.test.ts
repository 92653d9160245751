import test from 'ava';
import {nearest, suggestion} from '../../core/nearest.js';

test('a slip of the keyboard finds the name that was meant', t => {
	const names = ['resnet18', 'resnet50', 'mobilenetv2', 'lenet5'];
	t.is(nearest('resent18', names), 'resnet18');
	t.is(nearest('MobileNet_v2', names), 'mobilenetv2');
	t.is(nearest('lenet', names), 'lenet5');
});

test('nothing is suggested for a name unlike all others', t => {
	t.is(nearest('bert', ['resnet18', 'mobilenetv2']), undefined);
	t.is(nearest('x'.repeat(1e6), ['resnet18']), undefined);
	t.is(nearest('a', []), undefined);
});

test('a suggestion is the nearest name, or the list of names when it is short', t => {
	t.is(suggestion('lenet', ['lenet5', 'mlp']), 'Did you mean «lenet5»?');
	t.is(suggestion('bert', ['lenet5', 'mlp']), 'Known are «lenet5», «mlp».');
	t.is(suggestion('bert', []), undefined);
	t.is(
		suggestion(
			'bert',
			Array.from({length: 21}, (_, index) => `name-number-${index}`),
		),
		undefined,
	);
});
