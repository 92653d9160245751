/** The pictures of a run: how it learned, and where time, bytes and joules went. */
import {type DeviceLedger, type Ledger, type Phase, phases} from '../../core/ledger/ledger.js';
import {byteCount, duration, energy, loss} from '../format.js';
import {isModelled, markedName} from '../summary.js';
import {bars, type Part} from './bars.js';
import {curve, curvePlot, epochOf, joulesSpent, percentOf, points} from './curves.js';
import {axisUnit, byteUnits, figure, jouleUnits, timeUnits} from './figure.js';
import {gantt} from './gantt.js';
import type {Markup} from './markup.js';

function lossPicture({rounds}: Ledger): Markup | undefined {
	const training = points(rounds, epochOf, record => record.loss, loss);
	const tested = points(rounds, epochOf, record => record.testLoss, loss);
	if (training.length === 0) {
		return undefined;
	}
	return figure({
		title: 'Loss',
		description: `Training loss from ${loss(training[0]!.y)} to ${loss(training.at(-1)!.y)}`,
		legend: [
			{text: 'training', colour: 'var(--series-1)'},
			...(tested.length > 0 ? [{text: 'test (dashed)', colour: 'var(--series-2)'}] : []),
		],
		draw: curvePlot('epoch', 'loss', [
			...curve(training, 'var(--series-1)'),
			...curve(tested, 'var(--series-2)', {dashed: true}),
		]),
	});
}

function accuracyPicture({rounds}: Ledger): Markup | undefined {
	const data = points(rounds, epochOf, percentOf, value => `${value.toFixed(1)} %`);
	if (data.length === 0) {
		return undefined;
	}
	return figure({
		title: 'Test accuracy',
		description: `Test accuracy from ${data[0]!.y.toFixed(1)} to ${data.at(-1)!.y.toFixed(1)} percent`,
		draw: curvePlot('epoch', '%', curve(data, 'var(--series-1)'), [0, 100]),
	});
}

/** What the accuracy cost: the same curve against the joules of all devices so far. */
function costPicture({rounds, devices}: Ledger): Markup | undefined {
	const spent = joulesSpent(rounds);
	const sum = spent.at(-1) ?? 0;
	const unit = axisUnit(sum, jouleUnits);
	const data = points(
		rounds,
		(_, index) => spent[index]! / unit.factor,
		percentOf,
		value => `${value.toFixed(1)} %`,
	);
	if (data.length < 2 || !(sum > 0)) {
		return undefined;
	}
	return figure({
		title: 'Accuracy against energy',
		description: `Test accuracy over the energy spent, up to ${energy(sum)}`,
		...(devices.some(isModelled) && {caption: 'The energy is modelled, wholly or in part.'}),
		draw: curvePlot(`${unit.name}, all devices`, '%', curve(data, 'var(--series-3)'), [0, 100]),
	});
}

const phaseParts = (of: (device: DeviceLedger, phase: Phase) => number): Part<DeviceLedger>[] =>
	phases.map(phase => ({text: phase, colour: `var(--${phase})`, of: device => of(device, phase)}));

const traffic: readonly Part<DeviceLedger>[] = [
	{text: 'sent (up)', colour: 'var(--send)', of: ({bytesSent}) => bytesSent},
	{text: 'received (down)', colour: 'var(--receive)', of: ({bytesReceived}) => bytesReceived},
];

/** Every picture for which the ledger has numbers. */
export function pictures(ledger: Ledger): Markup[] {
	const {devices} = ledger;
	const common = {items: devices, plural: 'devices'};
	const starred = (device: DeviceLedger) => ledger.kind === 'measured' && isModelled(device);
	const drawn = [
		lossPicture(ledger),
		accuracyPicture(ledger),
		bars({
			...common,
			title: 'Time by device and phase',
			name: markedName,
			parts: phaseParts((device, phase) => device.phases[phase].seconds),
			write: duration,
			units: timeUnits,
			caption: devices.some(({emulated}) => emulated) ? '~ emulated: slowed down to the profile.' : undefined,
		}),
		bars({
			...common,
			title: 'Energy by device and phase',
			name: device => markedName(device) + (starred(device) ? ' *' : ''),
			parts: phaseParts((device, phase) => device.phases[phase].joules),
			write: energy,
			units: jouleUnits,
			caption: devices.some(starred) ? '* modelled from the profile, not measured.' : undefined,
		}),
		bars({
			...common,
			title: 'Bytes by device',
			name: markedName,
			parts: traffic,
			write: byteCount,
			units: byteUnits,
		}),
		costPicture(ledger),
		gantt(ledger.timeline),
	];
	return drawn.filter(picture => picture !== undefined);
}
