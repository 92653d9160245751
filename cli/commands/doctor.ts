/** `fpl doctor`: what works on this machine, and why the rest does not. */
import {availableParallelism, totalmem} from 'node:os';
import {Command} from 'commander';
import {systemClock, withDeadline} from '../../core/clock.js';
import {surveyMeters} from '../../core/energy/open.js';
import {asFplError} from '../../core/errors.js';
import {formatSi} from '../../core/units.js';
import {isAvailable} from '../../models/datasets/open.js';
import {brokerOption, formatOption} from '../options.js';
import {leastSentence, printJson, printTable} from '../terminal.js';
import {softwareVersion} from '../version.js';

interface Finding {
	readonly subject: string;
	readonly ok: boolean;
	readonly text: string;
}

async function brokerFinding(url: string): Promise<Finding> {
	const {connectMqtt} = await import('../../core/wire/transports/mqtt-connect.js');
	try {
		const transport = await withDeadline(
			systemClock,
			5000,
			url,
			connectMqtt({broker: url, clientId: `fpl-doctor-${process.pid}`, connectTimeoutMs: 4000}),
		);
		await transport.close();
		return {subject: 'broker', ok: true, text: `${url} answers`};
	} catch (error) {
		return {subject: 'broker', ok: false, text: asFplError(error).message};
	}
}

/** Energy is modelled where no meter answers. Plugs are no part of a machine, so they cannot be found here. */
async function meterFindings(): Promise<Finding[]> {
	const meters = await surveyMeters();
	return meters.map(({kind, available, text, watts}) => ({
		subject: `meter ${kind}`,
		ok: available,
		text: watts === undefined ? text : `${text}: ${formatSi(watts, 'W')} now`,
	}));
}

async function findings(broker: string): Promise<Finding[]> {
	const {probeEngines} = await import('../../models/engines/index.js');
	const engines = await probeEngines();
	const mnist = await isAvailable('mnist', {environment: process.env});
	return [
		{
			subject: 'fpl',
			ok: true,
			text: `${softwareVersion}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
		},
		{subject: 'machine', ok: true, text: `${availableParallelism()} cores, ${formatSi(totalmem(), 'B')} of memory`},
		...engines.map(
			(engine): Finding => ({
				subject: `engine ${engine.name}`,
				ok: engine.available,
				text: engine.available ? engine.description : engine.reason,
			}),
		),
		...(await meterFindings()),
		{
			subject: 'data mnist',
			ok: mnist,
			text: mnist ? 'here' : 'not here: «fpl data get mnist» downloads it; «digits» are drawn without data',
		},
		await brokerFinding(broker),
	];
}

export const doctorCommand = (): Command =>
	new Command('doctor')
		.summary('what works on this machine')
		.description('Says which engines, meters, data and broker work on this machine, and why the others do not.')
		.addOption(brokerOption())
		.addOption(formatOption('table', 'json'))
		.addHelpText('after', '\nExamples:\n  fpl doctor\n  fpl doctor --broker mqtt://fog.local --format json')
		.action(async ({broker, format}: {broker: string; format: string}) => {
			const found = await findings(broker);
			if (format === 'json') {
				printJson(found);
				return;
			}
			printTable(
				[{title: ''}, {title: 'subject'}, {title: 'finding', wraps: leastSentence}],
				found.map(({subject, ok, text}) => [ok ? '✔' : '–', subject, text]),
			);
		});
