/** `fpl agent run`: the agent of this device in the foreground, until a signal. */
import {availableParallelism} from 'node:os';
import path from 'node:path';
import {Command} from 'commander';
import {readConfig} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {surveyMeters} from '../../core/energy/open.js';
import {FplError} from '../../core/errors.js';
import {deviceId} from '../../core/ids.js';
import {consoleLogger} from '../../core/log.js';
import {profileWarnings} from '../../core/profile/warnings.js';
import {agentSchema} from '../../edge-agent/config.js';
import {configOption, formatOption, given, stateDirectory, stopSignal, untilStopped} from '../options.js';
import {meterColumns, meterRows, profileColumns, profileRows} from '../profile-rows.js';
import {printJson, printTable} from '../terminal.js';

/** `name=path`, collected. */
function dataPath(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
	const [name, ...rest] = text.split('=');
	if (!name || rest.length === 0) {
		throw new FplError('USAGE', {
			where: '--data',
			expected: 'name=path, for instance mnist=/data/mnist',
			got: `«${text}»`,
		});
	}
	return {...before, [name]: rest.join('=')};
}

const runCommand = (): Command =>
	new Command('run')
		.summary('run the agent in the foreground')
		.description('Joins the fleet, waits for runs and works for them, until a signal. Reconnects by itself.')
		.option('--id <name>', 'name of this device in the fleet (default: its host name)')
		.option('--broker <url>', 'MQTT broker (default: mqtt://127.0.0.1:1883)')
		.option('--username <name>', 'for the broker')
		.option('--password <text>', 'for the broker')
		.option('--namespace <name>', 'keeps fleets on one broker apart (default: fpl)')
		.option('--emulate <profile>', 'take on the speed and the link of this profile; reports mark it')
		.option('--engine <name>', 'auto, onnxruntime or tfjs')
		.option('--threads <count>', 'computing threads (default: all cores)')
		.option('--meter <name>', 'auto, none, rapl, ina3221, pmic, battery, hwmon[:chip] or plug:make:topic')
		.option('--meter-broker <url>', 'MQTT broker of the smart plug (default: that of the fleet)')
		.option('--data <name=path>', 'where this device keeps a dataset; may be repeated', dataPath)
		.option('--state <directory>', 'where keys and models are kept')
		.option('--log-level <level>', 'silent, error, warn, info, debug or trace (default: info)')
		.addOption(configOption())
		.addHelpText(
			'after',
			`
Examples:
  fpl agent run --broker mqtt://fog.local
  fpl agent run --id cam-1 --emulate raspberry-pi-4b
  fpl agent run --data mnist=/data/mnist
  fpl agent run --meter plug:tasmota:desk`,
		)
		.action(async (options: Record<string, unknown>) => {
			const {config: file, ...flags} = options;
			const config = readConfig(agentSchema, {
				document: file === undefined ? undefined : await readConfigFile(String(file)),
				env: process.env,
				flags: given(flags),
			});
			const {startAgent} = await import('../daemon/start-agent.js');
			const logger = consoleLogger(config.logLevel);
			const stop = stopSignal();
			const agent = await startAgent(config, stateDirectory(config.state), logger, stop);
			const taken = await Promise.race([agent.taken, untilStopped(stop)]);
			await agent.close();
			if (taken) {
				throw taken;
			}
		});

interface ProbeOptions {
	readonly engine: string;
	readonly threads?: string;
	readonly broker?: string;
	readonly peer?: readonly string[];
	readonly keep?: boolean;
	readonly format: 'text' | 'json';
}

async function probe({format, peer = [], keep = false, ...flags}: ProbeOptions): Promise<void> {
	const config = readConfig(agentSchema, {flags: given({...flags})});
	const peers = peer.map(name => deviceId(name, '--peer'));
	const [{startEngine}, {probeDevice}] = await Promise.all([
		import('../../models/engines/index.js'),
		import('../../edge-agent/probe.js'),
	]);
	// Links first: an address that is wrong is told at once.
	const linked = flags.broker !== undefined || peers.length > 0;
	const links = linked
		? await (await import('../daemon/probe-links.js')).probeLinks(config, peers, consoleLogger('warn'), stopSignal())
		: undefined;
	const start = (threads: number) => startEngine(config.engine, {threads});
	const engine = await start(config.threads ?? availableParallelism());
	try {
		const profile = await probeDevice({
			name: config.id,
			engine,
			// Who says how many threads there are wants to know of these.
			...(config.threads === undefined && {startEngine: start}),
			...(links && {link: async () => links.link}),
			...(peers.length > 0 && links && {pairs: links.pairs}),
		});
		for (const warning of profileWarnings(config.id, profile)) {
			consoleLogger('warn').warn(warning);
		}
		if (keep) {
			const {keepProfile} = await import('../daemon/own-profile.js');
			await keepProfile(path.join(stateDirectory(config.state), 'agents', config.id), engine, profile);
		}
		if (format === 'json') {
			printJson(profile);
		} else {
			printTable(profileColumns, profileRows(profile));
			printTable(meterColumns, meterRows(await surveyMeters()));
		}
	} finally {
		await engine.close();
	}
}

const probeCommand = (): Command =>
	new Command('probe')
		.summary('measure this device')
		.description(
			'Measures this device (speed by class of operators with 1 to all threads, memory, the link to a broker, the way to other agents) and prints its profile with the source of every number, and the energy meters.',
		)
		.option('--engine <name>', 'auto, onnxruntime or tfjs', 'auto')
		.option('--threads <count>', 'only with so many computing threads (default: 1, 2, 4 … and all cores)')
		.option('--broker <url>', 'measure the link to this MQTT broker too')
		.option('--peer <id>', 'measure the way to this agent too; may be repeated', (name: string, all: string[] = []) => [
			...all,
			name,
		])
		.option('--id <name>', 'name of this device in the fleet (default: its host name)')
		.option('--username <name>', 'for the broker')
		.option('--password <text>', 'for the broker')
		.option('--namespace <name>', 'keeps fleets on one broker apart (default: fpl)')
		.option('--keep', 'let the agent of this device announce what was measured, from its next start on')
		.option('--state <directory>', 'where the agent keeps it')
		.addOption(formatOption('text', 'json'))
		.addHelpText(
			'after',
			`
Examples:
  fpl agent probe --format json
  fpl agent probe --broker mqtt://fog.local --keep
  fpl agent probe --broker mqtt://fog.local --peer fog-1 --peer cam-2`,
		)
		.action(probe);

export const agentCommand = (): Command =>
	new Command('agent')
		.summary('the agent of this device')
		.description('The agent of this device.')
		.addCommand(runCommand())
		.addCommand(probeCommand());
