/** `fpl devices`: who is in the fleet. */
import {Command} from 'commander';
import {FplError} from '../core/errors.js';
import {formatSi} from '../core/units.js';
import type {FleetDevice} from '../fog-broker/fleet.js';
import {withClient} from './client.js';
import {brokerOption, formatOption, logOption, namespaceOption} from './options.js';
import {print, printJson, printTable} from './terminal.js';

async function fleetOf(command: Command): Promise<FleetDevice[]> {
	return withClient(command, async client => {
		const {devices} = await client.ask({kind: 'listDevices'}, 'deviceList');
		return JSON.parse(devices) as FleetDevice[];
	});
}

const asRow = ({device, profile, emulated, engines, run, softwareVersion}: FleetDevice): string[] => [
	device,
	`${profile.name}${emulated ? ' (emulated)' : ''}`,
	formatSi(profile.speeds.matmul, 'FLOP/s'),
	formatSi(profile.memoryBytes, 'B'),
	`${formatSi(profile.link.upBytesPerSecond * 8, 'bit/s')} up, ${formatSi(profile.link.downBytesPerSecond * 8, 'bit/s')} down`,
	engines.join(', '),
	run ?? 'idle',
	softwareVersion,
];

const shared = (command: Command): Command =>
	command
		.addOption(brokerOption())
		.addOption(namespaceOption())
		.addOption(formatOption('table', 'json'))
		.addOption(logOption());

const list = (): Command =>
	shared(
		new Command('list').summary('the devices of the fleet').description('Lists the devices whose agents are present.'),
	).action(async (options: {format: string}, command: Command) => {
		const devices = await fleetOf(command);
		if (options.format === 'json') {
			printJson(devices);
			return;
		}
		if (devices.length === 0) {
			print('No devices. Start one with «fpl agent run».');
			return;
		}
		const titles = ['device', 'profile', 'matmul', 'memory', 'link', 'engines', 'run', 'version'];
		printTable(
			titles.map(title => ({title})),
			devices.map(asRow),
		);
	});

const show = (): Command =>
	shared(
		new Command('show')
			.argument('<id>')
			.summary('one device, with the source of every number')
			.description('Shows one device and where its numbers come from.'),
	).action(async (id: string, options: {format: string}, command: Command) => {
		const devices = await fleetOf(command);
		const device = devices.find(candidate => candidate.device === id);
		if (!device) {
			throw new FplError('DEVICE_UNKNOWN', {
				expected:
					devices.length > 0
						? `one of ${devices.map(({device: name}) => name).join(', ')}`
						: 'a device, but none is present',
				got: `«${id}»`,
			});
		}
		if (options.format === 'json') {
			printJson(device);
			return;
		}
		const facts = Object.entries({
			...device.profile,
			link: undefined,
			speeds: undefined,
			sources: undefined,
			...prefixed(device),
		});
		printTable(
			[{title: 'field'}, {title: 'value'}, {title: 'source'}],
			facts
				.filter(([, value]) => value !== undefined)
				.map(([field, value]) => [field, String(value), device.profile.sources[field] ?? '']),
		);
	});

const prefixed = ({profile}: FleetDevice): Record<string, unknown> =>
	Object.fromEntries(
		(['speeds', 'link'] as const).flatMap(group =>
			Object.entries(profile[group]).map(([key, value]) => [`${group}.${key}`, value]),
		),
	);

export const devicesCommand = (): Command =>
	new Command('devices')
		.summary('the devices of the fleet')
		.description('The devices whose agents are present at the broker.')
		.addCommand(list(), {isDefault: true})
		.addCommand(show())
		.addHelpText('after', '\nExamples:\n  fpl devices\n  fpl devices show cam-1 --format json');
