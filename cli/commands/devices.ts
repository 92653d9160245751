/** `fpl devices`: who is in the fleet. */
import {Command} from 'commander';
import {FplError} from '../../core/errors.js';
import {formatSi} from '../../core/units.js';
import type {FleetDevice} from '../../fog-broker/fleet.js';
import {withClient} from '../client.js';
import {brokerOption, formatOption, logOption, namespaceOption} from '../options.js';
import {profileColumns, profileRows} from '../profile-rows.js';
import {print, printJson, printTable} from '../terminal.js';

async function fleetOf(command: Command): Promise<FleetDevice[]> {
	return withClient(command, async client => {
		const {devices} = await client.ask({kind: 'listDevices'}, 'deviceList');
		return JSON.parse(devices) as FleetDevice[];
	});
}

/** A profile that a device measured of itself has the device's name. */
const profileName = ({profile, emulated}: FleetDevice): string =>
	emulated ? `${profile.name} (emulated)` : profile.origin === 'measured' ? 'measured' : profile.name;

const asRow = (member: FleetDevice): string[] => {
	const {device, profile, engines, run, softwareVersion} = member;
	return [
		device,
		profileName(member),
		formatSi(profile.speeds.matmul, 'FLOP/s'),
		formatSi(profile.memoryBytes, 'B'),
		profile.batteryJoules === undefined ? '–' : formatSi(profile.batteryJoules, 'J'),
		`${formatSi(profile.link.upBytesPerSecond * 8, 'bit/s')} up, ${formatSi(profile.link.downBytesPerSecond * 8, 'bit/s')} down`,
		engines.join(', '),
		run ?? 'idle',
		softwareVersion,
	];
};

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
		printTable(
			[
				{title: 'device'},
				{title: 'profile', wraps: 12},
				{title: 'matmul', align: 'right'},
				{title: 'memory', align: 'right'},
				{title: 'battery', align: 'right'},
				{title: 'link', wraps: 15},
				{title: 'engines', wraps: 11, expendable: 1},
				{title: 'run', wraps: 10},
				{title: 'version', expendable: 2},
			],
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
		const {profile, engines, datasets, holdings = [], run, softwareVersion} = device;
		const own = holdings.map(({dataset, items}) => `${items} items of ${dataset}`);
		printTable(profileColumns, [
			['device', device.device, ''],
			['profile', profileName(device), ''],
			['run', run ?? 'idle', ''],
			['engines', engines.join(', '), ''],
			['datasets', datasets.join(', '), ''],
			...(own.length > 0 ? [['own data', own.join(', '), '']] : []),
			['version', softwareVersion, ''],
			...profileRows(profile),
		]);
	});

export const devicesCommand = (): Command =>
	new Command('devices')
		.summary('the devices of the fleet')
		.description('The devices whose agents are present at the broker.')
		.addCommand(list(), {isDefault: true})
		.addCommand(show())
		.addHelpText('after', '\nExamples:\n  fpl devices\n  fpl devices show cam-1 --format json');
